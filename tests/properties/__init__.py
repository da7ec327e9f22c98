"""Properties of the whole: determinism and the rules the code keeps."""
