package ip

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// request is a command line that makes sense as a sentence. The values are not
// checked yet.
type request struct {
	family int  // unix.AF_UNSPEC, AF_INET or AF_INET6
	brief  bool // -br
	stats  bool // -s
	help   bool

	object *object
	verb   *verb
	given  map[string]string // by key; empty for a key that is alone
	name   string            // as far as it was understood: "ip route add"
	out    io.Writer
}

// has reports whether the key was given.
func (r *request) has(key string) bool {
	_, ok := r.given[key]
	return ok
}

// parse reads the arguments after the command's name. The request is never nil.
func parse(args []string) (*request, error) {
	r := &request{name: "ip", given: map[string]string{}}
	args, err := r.parseOptions(args)
	if err != nil || r.help {
		return r, err
	}
	if len(args) == 0 {
		return r, usageError{errors.New("expected what it is about: link, addr, route, neigh or rule")}
	}
	all := objects()
	i := slices.IndexFunc(all, func(o object) bool { return abbreviates(args[0], o.names) })
	if i < 0 {
		return r, expected(args[0], "link, addr, route, neigh or rule")
	}
	r.object = &all[i]
	r.name += " " + r.object.names[0]
	args, err = r.parseVerb(args[1:])
	if err != nil || r.help {
		return r, err
	}
	if r.stats && (r.verb.names[0] != "show" || r.object.names[0] != "link" && r.object.names[0] != "addr") {
		return r, usageError{errors.New("-s: only ip link show and ip addr show have counters")}
	}
	return r, r.parseWords(args)
}

// parseOptions reads the options, which come before the object, and returns the rest.
func (r *request) parseOptions(args []string) ([]string, error) {
	for ; len(args) > 0 && (strings.HasPrefix(args[0], "-") || args[0] == "help"); args = args[1:] {
		switch option := strings.TrimPrefix(args[0], "-"); {
		case option == "4":
			r.family = unix.AF_INET
		case option == "6":
			r.family = unix.AF_INET6
		case len(option) >= 2 && strings.HasPrefix("brief", option):
			r.brief = true
		case option != "" && (strings.HasPrefix("stats", option) || strings.HasPrefix("statistics", option)):
			r.stats = true
		case option == "h" || option == "help" || option == "-help":
			r.help = true
			return nil, nil
		default:
			return nil, expected(args[0], "one of the options -4, -6, -br and -s")
		}
	}
	return args, nil
}

// parseVerb reads the verb, and returns the rest.
func (r *request) parseVerb(args []string) ([]string, error) {
	verbs := r.object.verbs
	v := &verbs[0]
	if len(args) > 0 {
		if args[0] == "help" {
			r.help = true
			return nil, nil
		}
		if v = findVerb(verbs, args[0]); v == nil {
			return nil, expected(args[0], "one of "+verbNames(verbs))
		}
		args = args[1:]
	}
	r.verb = v
	r.name += " " + v.names[0]
	return args, nil
}

// findVerb returns the verb that w names or abbreviates, or nil. The one that
// shows, first in the table, is the last to be meant by an abbreviation.
func findVerb(verbs []verb, w string) *verb {
	for _, v := range verbs {
		if slices.Contains(v.names, w) {
			return &v
		}
	}
	for _, v := range slices.Concat(verbs[1:], verbs[:1]) {
		if abbreviates(w, v.names) {
			return &v
		}
	}
	return nil
}

// abbreviates reports whether one of names starts with w.
func abbreviates(w string, names []string) bool {
	return w != "" && slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, w) })
}

// verbNames lists the verbs for a message.
func verbNames(verbs []verb) string {
	var names []string
	for _, v := range verbs {
		names = append(names, v.names[0])
	}
	return strings.Join(names, ", ")
}

// parseWords reads what follows the verb.
func (r *request) parseWords(args []string) error {
	for len(args) > 0 {
		arg := args[0]
		i := r.wordFor(arg)
		if i < 0 {
			return expected(arg, r.wanted())
		}
		w := r.verb.words[i]
		switch {
		case w.is(arg) && r.has(w.key):
			return usageError{fmt.Errorf("%s is given twice", arg)}
		case w.is(arg) && w.value == "":
			r.given[w.key] = ""
		case w.is(arg):
			if args = args[1:]; len(args) == 0 {
				return expected(arg, w.value+" after it")
			}
			r.given[w.key] = args[0]
		default:
			r.given[w.key] = arg
		}
		args = args[1:]
	}
	for _, w := range r.verb.words {
		if w.use&needed != 0 && !r.has(w.key) {
			return usageError{errors.New("expected also " + w.plain())}
		}
	}
	return nil
}

// wordFor returns the index of the word that arg is: a key, or a value for the
// word that may come without.
func (r *request) wordFor(arg string) int {
	if i := slices.IndexFunc(r.verb.words, func(w word) bool { return w.is(arg) }); i >= 0 {
		return i
	}
	return slices.IndexFunc(r.verb.words, func(w word) bool { return w.use&bare != 0 && !r.has(w.key) })
}

// wanted lists what may still come, for a message.
func (r *request) wanted() string {
	var rest []string
	for _, w := range r.verb.words {
		if !r.has(w.key) {
			rest = append(rest, w.plain())
		}
	}
	if rest == nil {
		return "nothing more"
	}
	return "one of " + strings.Join(rest, ", ")
}
