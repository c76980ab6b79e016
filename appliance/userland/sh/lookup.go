package sh

import (
	"os"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// runCommand runs a command that is no function, or says what a name is.
func runCommand(s *shell, args []string) int {
	options, rest, err := letters(args, "pvV", "")
	if err != nil {
		return s.misused("command", "%v", err)
	}
	if len(rest) == 0 {
		return 0
	}
	path := s.value("PATH")
	if options['p'] != "" {
		path = defaultPath
	}
	if options['v'] != "" || options['V'] != "" {
		status := 0
		for _, name := range rest[:1] {
			if !s.describe(name, path, options['V'] != "") {
				status = exitNotFound
			}
		}
		return status
	}
	if b, ok := builtinOf(rest[0]); ok {
		return s.tamed(func() int { return s.builtin(b, rest) })
	}
	if utility := s.program.Utilities[rest[0]]; utility != nil {
		return s.utility(utility, rest)
	}
	if options['p'] != "" {
		before := map[string]*variable{}
		s.lend(before, "PATH", path)
		defer s.restoreVariables(before)
	}
	return s.external(rest, false)
}

// tamed runs a builtin whose errors do not end the shell.
func (s *shell) tamed(f func() int) (status int) {
	defer func() {
		p := recover()
		l, ok := p.(leave)
		if p != nil && (!ok || l.exit || l.interrupt) {
			panic(p)
		}
		if ok {
			status = l.status
		}
	}()
	return f()
}

func typeOf(s *shell, args []string) int {
	status := 0
	for _, name := range args[1:] {
		if !s.describe(name, s.value("PATH"), true) {
			status = exitNotFound
		}
	}
	return status
}

// keywords are the words of the language.
func keywords() []string {
	return []string{
		"!", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "then",
		"until", "while", "{", "}", "[[", "time",
	}
}

// describe says what a name is, in words or so that it can be used.
func (s *shell) describe(name, path string, inWords bool) bool {
	what, brief := s.kind(name, path)
	switch {
	case what == "" && inWords:
		s.printf("%s: not found\n", name)
		return false
	case what == "":
		return false
	case inWords:
		s.printf("%s is %s\n", name, what)
	default:
		s.printf("%s\n", brief)
	}
	return true
}

func (s *shell) kind(name, path string) (what, brief string) {
	value, isAlias := s.aliases[name]
	_, isFunction := s.functions[name]
	b, isBuiltin := builtinOf(name)
	switch {
	case slices.Contains(keywords(), name) || syntax.IsKeyword(name):
		return "a shell keyword", name
	case isAlias:
		return "an alias for " + value, "alias " + name + "=" + quoted(value)
	case isFunction:
		return "a function", name
	case isBuiltin && b.special:
		return "a special shell builtin", name
	case isBuiltin || s.program.Utilities[name] != nil:
		return "a shell builtin", name
	}
	found := ""
	if strings.Contains(name, "/") {
		if _, err := os.Stat(name); err == nil {
			found = name
		}
	} else {
		found = s.look(name, path, func(p string) bool { return executable(p) == nil })
	}
	return found, found
}
