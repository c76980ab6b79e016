package ip

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// request is a command line that makes sense as a sentence. The values are not
// checked yet.
type request struct {
	family  int    // unix.AF_UNSPEC, AF_INET or AF_INET6
	brief   bool   // -br
	details bool   // -d
	stats   int    // how often -s was given
	stamp   string // -t or -ts: monitor says when
	help    bool

	object *object
	verb   *verb
	given  map[string]string // by key; empty for a key that is alone
	name   string            // as far as it was understood: "ip route add"
	out    output
	call   *command.Call
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
		return r, usageError{errors.New("expected what it is about: " + aboutWhat)}
	}
	all := objects()
	i := slices.IndexFunc(all, func(o object) bool { return abbreviates(args[0], o.names) })
	if i < 0 {
		return r, expected(args[0], aboutWhat)
	}
	r.object = &all[i]
	r.name += " " + r.object.names[0]
	args, err = r.parseVerb(args[1:])
	if err != nil || r.help {
		return r, err
	}
	if err := r.checkOptions(); err != nil {
		return r, err
	}
	return r, r.parseWords(args)
}

// checkOptions refuses options that would say nothing.
func (r *request) checkOptions() error {
	of := r.object.names[0]
	switch {
	case r.stats > 0 && (r.verb.name() != "show" || of != "link" && of != "addr" && of != "neigh"):
		return usageError{errors.New("-s: only ip link, ip addr and ip neigh show have counters")}
	case r.stamp != "" && of != "monitor":
		return usageError{errors.New(r.stamp + ": only ip monitor says when something happens")}
	case of == "monitor" && (r.out.json || r.brief):
		return usageError{errors.New("ip monitor prints neither JSON nor the brief form")}
	}
	return nil
}

// aboutWhat lists the objects for messages.
const aboutWhat = "link, addr, route, neigh, rule, maddr or monitor"

// parseOptions reads the options, which come before the object, and returns the rest. A long name may have
// two dashes.
func (r *request) parseOptions(args []string) ([]string, error) {
	for ; len(args) > 0 && (strings.HasPrefix(args[0], "-") || args[0] == "help"); args = args[1:] {
		option := strings.TrimPrefix(args[0], "-")
		if strings.HasPrefix(option, "-") && len(option) > 2 {
			option = option[1:]
		}
		short := func(least int, long string) bool {
			return len(option) >= least && strings.HasPrefix(long, option)
		}
		switch {
		case option == "4":
			r.family = unix.AF_INET
		case option == "6":
			r.family = unix.AF_INET6
		case short(2, "brief"):
			r.brief = true
		case short(1, "details"):
			r.details = true
		case short(1, "json"):
			r.out.json = true
		case short(1, "oneline"):
			r.out.oneline = true
		case short(1, "pretty"):
			r.out.pretty = true
		case short(1, "stats"), short(1, "statistics"):
			r.stats++
		case short(1, "timestamp"):
			r.stamp = "-t"
		case option == "ts" || short(2, "tshort"):
			r.stamp = "-ts"
		// there are none
		case option == "c" || strings.HasPrefix(option, "c=") || strings.HasPrefix(option, "color"):
		case option == "h" || option == "help":
			r.help = true
			return nil, nil
		default:
			return nil, expected(args[0], "one of the options -4 -6 -br -d -j -o -p -s -t -ts")
		}
	}
	return args, nil
}

// parseVerb reads the verb, and returns the rest.
func (r *request) parseVerb(args []string) ([]string, error) {
	verbs := r.object.verbs
	v := &verbs[0]
	if len(args) > 0 && (v.names != nil || args[0] == "help") {
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
	r.name = strings.TrimSpace(r.name + " " + v.name())
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
		names = append(names, v.name())
	}
	return strings.Join(names, ", ")
}

// parseWords reads what follows the verb.
func (r *request) parseWords(args []string) error {
	for len(args) > 0 {
		arg := args[0]
		// "to match PREFIX"
		if arg == keyTo && len(args) > 2 && slices.Contains([]string{keyRoot, keyMatch, keyExact}, args[1]) {
			args = args[1:]
			continue
		}
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
