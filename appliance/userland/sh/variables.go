package sh

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// value is that of a variable, "" if it is not set.
func (s *shell) value(name string) string {
	if v := s.vars[name]; v != nil {
		return v.value
	}
	return ""
}

// set sets a variable.
func (s *shell) set(name, value string) error {
	v := s.vars[name]
	switch {
	case v == nil:
		v = &variable{}
		s.vars[name] = v
	case v.readonly:
		return fmt.Errorf("%s: is read only", name)
	}
	v.value, v.set = value, true
	v.export = v.export || s.flags['a']
	if name == "OPTIND" {
		s.getopts = 0
	}
	return nil
}

// mustSet sets a variable, or ends the script.
func (s *shell) mustSet(name, value string) {
	if err := s.set(name, value); err != nil {
		s.abandon(exitUsage, "%v", err)
	}
}

// unset forgets a variable.
func (s *shell) unset(name string) error {
	v := s.vars[name]
	switch {
	case v == nil:
	case v.readonly:
		return fmt.Errorf("%s: is read only", name)
	case s.isLocal(name):
		*v = variable{}
	default:
		delete(s.vars, name)
	}
	return nil
}

func (s *shell) isLocal(name string) bool {
	return slices.ContainsFunc(s.hidden, func(h map[string]*variable) bool {
		_, yes := h[name]
		return yes
	})
}

// local hides a variable from here to the end of the function. It is not set at first.
func (s *shell) local(name string) {
	hides := s.hidden[len(s.hidden)-1]
	if _, already := hides[name]; already {
		return
	}
	old := s.vars[name]
	hides[name] = old
	if name == "-" {
		return
	}
	if old != nil && old.readonly {
		s.abandon(exitUsage, "%s: is read only", name)
	}
	s.vars[name] = &variable{export: old != nil && old.export}
}

// reveal ends the local variables of a function.
func (s *shell) reveal() {
	last := len(s.hidden) - 1
	for name, old := range s.hidden[last] {
		if old == nil {
			delete(s.vars, name)
		} else {
			s.vars[name] = old
		}
		if name == "OPTIND" {
			s.getopts = 0
		}
	}
	s.hidden = s.hidden[:last]
}

// exported is the environment of programs.
func (s *shell) exported() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.vars)) {
		if v := s.vars[name]; v.export && v.set {
			list = append(list, name+"="+v.value)
		}
	}
	return list
}

// parameter is a special parameter, a positional one, or a variable.
func (s *shell) parameter(name string) (value string, set bool) {
	switch name {
	case "?":
		return strconv.Itoa(s.status), true
	case "$":
		return strconv.Itoa(s.pid), true
	case "#":
		return strconv.Itoa(len(s.params)), true
	case "!":
		if s.lastJob == 0 {
			return "", false
		}
		return strconv.Itoa(s.lastJob), true
	case "-":
		return s.letters(), true
	case "0":
		return s.name, true
	case "LINENO":
		return strconv.Itoa(s.lineno), true
	case "FUNCNAME":
		return s.function, true
	case "RANDOM":
		if v := s.vars[name]; v == nil {
			return strconv.Itoa(random()), true
		}
	}
	if n, err := strconv.Atoi(name); err == nil {
		if n > len(s.params) {
			return "", false
		}
		return s.params[n-1], true
	}
	if v := s.vars[name]; v != nil && v.set {
		return v.value, true
	}
	return "", false
}

// letters are the options, as $- has them.
func (s *shell) letters() string {
	var b strings.Builder
	for _, letter := range []byte("ubaCvxcsnimIfe") {
		if s.flags[letter] || letter == 'i' && s.interactive() {
			b.WriteByte(letter)
		}
	}
	return b.String()
}

// Get is a variable of an arithmetic expression.
func (s *shell) Get(name string) (string, error) {
	value, _ := s.parameter(name)
	return value, nil
}

// Set sets it.
func (s *shell) Set(name, value string) error { return s.set(name, value) }

// quoted is a value as a script would have it.
func quoted(value string) string {
	if value == "" {
		return "''"
	}
	return "'" + strings.ReplaceAll(value, "'", `'"'"'`) + "'"
}

// list prints variables as a script that would set them.
func (s *shell) list(prefix string, which func(*variable) bool) {
	for _, name := range slices.Sorted(maps.Keys(s.vars)) {
		v := s.vars[name]
		switch {
		case !which(v) || !syntax.ValidName(name):
		case v.set:
			s.printf("%s%s=%s\n", prefix, name, quoted(v.value))
		case prefix != "":
			s.printf("%s%s\n", prefix, name)
		}
	}
}
