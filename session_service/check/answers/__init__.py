"""What an answer says, and what is wrong with it: its form, its join details, its token, its words."""
