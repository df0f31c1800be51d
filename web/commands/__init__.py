"""The page's commands: what each will do, and how it is carried out."""
