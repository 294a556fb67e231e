"""Long work in processes of its own, told on disk: started, watched and stopped from anywhere."""
