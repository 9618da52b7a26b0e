"""Panels: lists, questions and forms that stand where the editor stands until they are answered."""
