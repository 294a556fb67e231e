"""What stands on each tab of the page. Nothing here does anything."""
