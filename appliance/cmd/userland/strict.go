package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// strict has commands of u-root, which take every word for an operand or for nothing, print how they are called
// when they are asked for help or given an option that they do not have, and do nothing else.
func strict(mains map[string]func()) map[string]func() {
	for name, s := range synopses() {
		main := mains[name]
		if main == nil {
			continue
		}
		mains[name] = func() {
			if status, refused := s.refuse(os.Args[1:], os.Stdout, os.Stderr); refused {
				os.Exit(status)
			}
			main()
		}
	}
	return mains
}

// A synopsis is how a command is called.
type synopsis struct {
	usage   string
	options []string // of the command's own
	dashes  bool     // an operand may begin with one dash
}

func synopses() map[string]synopsis {
	return map[string]synopsis{
		"blkid":    {usage: "blkid"},
		"dmesg":    {usage: "dmesg [-clear | -read-clear]", options: []string{"clear", "read-clear"}},
		"nohup":    {usage: "nohup COMMAND [ARGUMENT…]"},
		"printenv": {usage: "printenv [NAME…]"},
		"stty":     {usage: "stty [dump | load FILE | raw | SETTING…], each ~ before a SETTING is its contrary", dashes: true},
		"tty":      {usage: "tty"},
	}
}

// refuse looks at the first argument, behind which a command's own options are those of another's command line.
func (s synopsis) refuse(args []string, stdout, stderr io.Writer) (status int, refused bool) {
	const usageStatus = 2
	if len(args) == 0 || !strings.HasPrefix(args[0], "-") || args[0] == "-" || args[0] == "--" {
		return 0, false
	}
	name := strings.TrimLeft(args[0], "-")
	switch {
	case name == "help" || name == "h":
		fmt.Fprintln(stdout, "usage:", s.usage)
		return 0, true
	case slices.Contains(s.options, name) || s.dashes && !strings.HasPrefix(args[0], "--"):
		return 0, false
	}
	command, _, _ := strings.Cut(s.usage, " ")
	fmt.Fprintf(stderr, "%s: unknown option %s\nusage: %s\n", command, args[0], s.usage)
	return usageStatus, true
}
