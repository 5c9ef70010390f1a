"""The subcommands of nn-cli, one per file, each imported when it is called."""
