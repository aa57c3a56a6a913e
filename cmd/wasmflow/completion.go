package main

import "github.com/spf13/cobra"

// addCompletion adds cobra's own completion verb, with examples.
func addCompletion(c *cli, root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		cmd.Short = "Print the completion script of a shell"
		cmd.Example = `  source <(wasmflow completion bash)
  wasmflow completion zsh > "${fpath[1]}/_wasmflow"
  wasmflow completion fish > ~/.config/fish/completions/wasmflow.fish
  wasmflow completion powershell | Out-String | Invoke-Expression`
		cmd.Args = nil
		cmd.RunE = group
		for _, shell := range cmd.Commands() {
			shell.Example = "  wasmflow completion " + shell.Name()
			script := shell.RunE
			shell.RunE = func(cmd *cobra.Command, args []string) error {
				if c.format == formatJSON {
					return withoutJSON("a completion script")
				}
				return script(cmd, args)
			}
		}
	}
}
