package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"
)

// addHelp adds the verb help, and makes help refuse what it cannot: help is for people, it has no JSON form.
func addHelp(c *cli, root *cobra.Command) {
	show := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if c.format == formatJSON {
			c.refused = withoutJSON("help")
			return
		}
		show(cmd, args)
	})
	root.SetHelpCommand(&cobra.Command{
		Use:               "help [VERB]",
		Short:             "Explain a verb",
		Example:           "  wasmflow help run",
		ValidArgsFunction: completeVerb,
		RunE: func(_ *cobra.Command, args []string) error {
			cmd := root
			for _, name := range args {
				sub := verbOf(cmd, name)
				if sub == nil {
					return verbError(cmd, name)
				}
				cmd = sub
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	})
	root.InitDefaultHelpCmd()
}

// withoutJSON says that what was asked for has one form only.
func withoutJSON(what string) error {
	return &usageError{code: "usage", err: errors.New(what + " has no JSON form"), suggestion: "leave out -o json"}
}

// verbOf is the verb of that name or alias below cmd, nil where there is none.
func verbOf(cmd *cobra.Command, name string) *cobra.Command {
	at := slices.IndexFunc(cmd.Commands(), func(sub *cobra.Command) bool { return sub.Name() == name || sub.HasAlias(name) })
	if at < 0 {
		return nil
	}
	return cmd.Commands()[at]
}

func completeVerb(help *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	cmd := help.Root()
	for _, name := range args {
		if cmd = verbOf(cmd, name); cmd == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name()+"\t"+sub.Short)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
