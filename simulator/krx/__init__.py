"""The exchange's rules as the simulator knows them: facts of docs/krx.md, written apart from Haru's own code."""
