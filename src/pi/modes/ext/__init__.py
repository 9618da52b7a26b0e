"""What stands behind `pi ext`: extensions are written, and examined in processes of their own."""
