package client

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Levels of what is said beside errors.
const (
	Quiet   = iota // nothing, not even errors of ours
	Errors         // no banners, no warnings
	Normal         // LogLevel=INFO
	Verbose        // how it comes about
)

// What happens with keys of hosts that are not known. One that has changed is refused in any case.
const (
	CheckAsk    = "ask"
	CheckStrict = "yes"
	CheckAccept = "accept-new" // "no" is the same
)

// Options are those of ssh_config(5) that there are, by the names that they have there. The first that is set
// counts.
type Options struct {
	User          string
	Port          int
	Identities    []string // IdentityFile
	Only          bool     // IdentitiesOnly
	Agent         string   // IdentityAgent: its socket; "": none
	Forward       bool     // ForwardAgent
	KnownHosts    []string // UserKnownHostsFile, the first is written to
	GlobalKnown   []string
	Check         string // StrictHostKeyChecking
	Hash          bool   // HashKnownHosts
	Alias         string // HostKeyAlias
	Timeout       time.Duration
	Batch         bool
	Methods       []string        // PreferredAuthentications
	Off           map[string]bool // methods that are not used
	Prompts       int             // NumberOfPasswordPrompts
	Level         int
	AliveEvery    time.Duration
	AliveCount    int
	Terminal      string // RequestTTY: no, yes, force, auto
	NoInput       bool   // StdinNull
	SessionType   string // default, none
	Jump          string // ProxyJump
	MustForward   bool   // ExitOnForwardFailure
	Family        string // tcp, tcp4, tcp6
	Escape        byte   // EscapeChar; 0: none
	Set, Send     []string
	SocketTimeout time.Duration // a client of -D that says nothing

	given map[string]bool
}

// Methods of authentication.
const (
	methodKey      = "publickey"
	methodKeyboard = "keyboard-interactive"
	methodPassword = "password"
)

// Default are options that nobody has set.
func Default() *Options {
	return &Options{
		Port: 22, Agent: os.Getenv("SSH_AUTH_SOCK"), Check: CheckAsk, Prompts: 3, Level: Normal,
		AliveCount: 3, Terminal: "auto", SessionType: "default", Family: "tcp", Escape: '~',
		Methods:    []string{methodKey, methodKeyboard, methodPassword},
		KnownHosts: []string{"~/.ssh/known_hosts"}, GlobalKnown: []string{"/etc/ssh/ssh_known_hosts"},
		Off: map[string]bool{}, SocketTimeout: 30 * time.Second, given: map[string]bool{},
	}
}

// Word sets an option as -o has it: "Name=value", "Name value".
func (o *Options) Word(word string) error {
	name, value, ok := strings.Cut(word, "=")
	if !ok || strings.ContainsAny(strings.TrimSpace(name), " \t") {
		name, value, _ = strings.Cut(strings.TrimSpace(word), " ")
	}
	name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"`)
	if value == "" {
		return fmt.Errorf("option %q: expected Name=value", word)
	}
	return o.SetTo(name, value)
}

// several are options of which each that is set counts.
var several = map[string]bool{"identityfile": true, "setenv": true, "sendenv": true}

// SetTo sets an option, if it is not set already.
func (o *Options) SetTo(name, value string) error {
	key := strings.ToLower(name)
	if value == fixed(key) {
		return nil
	}
	set, ok := o.setters()[key]
	if !ok {
		return fmt.Errorf("unknown option %s", name)
	}
	if o.given[key] && !several[key] {
		return nil
	}
	o.given[key] = true
	if err := set(value); err != nil {
		return fmt.Errorf("option %s: %w", name, err)
	}
	return nil
}

// fixed is the value of an option that is always so.
func fixed(key string) string {
	switch key {
	case "addkeystoagent", "canonicalizehostname", "checkhostip", "compression", "controlmaster",
		"controlpersist", "forwardx11", "gssapiauthentication", "hostbasedauthentication",
		"permitlocalcommand", "tunnel", "updatehostkeys", "verifyhostkeydns", "visualhostkey":
		return "no"
	case "controlpath", "proxycommand":
		return "none"
	case "tcpkeepalive":
		return "yes"
	}
	return ""
}

// Given reports whether an option was set.
func (o *Options) Given(name string) bool { return o.given[strings.ToLower(name)] }

// setters are all options there are.
func (o *Options) setters() map[string]func(string) error {
	return map[string]func(string) error{
		"addressfamily": word(&o.Family,
			map[string]string{"any": "tcp", "inet": "tcp4", "inet6": "tcp6"}),
		"batchmode":            yes(&o.Batch),
		"connecttimeout":       seconds(&o.Timeout),
		"escapechar":           o.setEscape,
		"exitonforwardfailure": yes(&o.MustForward),
		"forwardagent":         yes(&o.Forward),
		"globalknownhostsfile": files(&o.GlobalKnown),
		"hashknownhosts":       yes(&o.Hash),
		"hostkeyalias":         text(&o.Alias),
		"identitiesonly":       yes(&o.Only),
		"identityagent":        o.setAgent,
		"identityfile": func(s string) error {
			o.Identities = append(o.Identities, s)
			return nil
		},
		"kbdinteractiveauthentication":    o.method(methodKeyboard),
		"challengeresponseauthentication": o.method(methodKeyboard),
		"loglevel": func(s string) error {
			level, ok := map[string]int{"quiet": Quiet, "fatal": Quiet, "error": Errors, "info": Normal,
				"verbose": Verbose, "debug": Verbose, "debug1": Verbose, "debug2": Verbose,
				"debug3": Verbose}[strings.ToLower(s)]
			o.Level = level
			return expected(ok, s, "QUIET, ERROR, INFO or VERBOSE")
		},
		"numberofpasswordprompts":  number(&o.Prompts, 1, 16),
		"passwordauthentication":   o.method(methodPassword),
		"port":                     number(&o.Port, 1, 65535),
		"preferredauthentications": func(s string) error { o.Methods = strings.Split(s, ","); return nil },
		"proxyjump":                text(&o.Jump),
		"pubkeyauthentication":     o.method(methodKey),
		"requesttty":               word(&o.Terminal, same("no", "yes", "force", "auto")),
		"sendenv": func(s string) error {
			o.Send = append(o.Send, strings.Fields(s)...)
			return nil
		},
		"serveralivecountmax": number(&o.AliveCount, 1, 1000),
		"serveraliveinterval": seconds(&o.AliveEvery),
		"sessiontype":         word(&o.SessionType, same("default", "none")),
		"setenv":              func(s string) error { o.Set = append(o.Set, s); return nil },
		"stdinnull":           yes(&o.NoInput),
		"stricthostkeychecking": word(&o.Check, map[string]string{
			"ask": CheckAsk, "yes": CheckStrict, "no": CheckAccept, "off": CheckAccept,
			"accept-new": CheckAccept}),
		"user":               text(&o.User),
		"userknownhostsfile": files(&o.KnownHosts),
	}
}

func expected(ok bool, got, want string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%q: expected %s", got, want)
}

func text(to *string) func(string) error {
	return func(s string) error { *to = s; return nil }
}

func files(to *[]string) func(string) error {
	return func(s string) error {
		*to = nil
		if s != "none" {
			*to = strings.Fields(s)
		}
		return nil
	}
}

func yes(to *bool) func(string) error {
	return func(s string) error {
		value, ok := map[string]bool{"yes": true, "true": true, "no": false,
			"false": false}[strings.ToLower(s)]
		*to = value
		return expected(ok, s, "yes or no")
	}
}

func number(to *int, low, high int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		*to = n
		return expected(err == nil && n >= low && n <= high, s, fmt.Sprintf("%d to %d", low, high))
	}
}

// seconds are a number, "none" or with a unit.
func seconds(to *time.Duration) func(string) error {
	return func(s string) error {
		if s == "none" {
			return nil
		}
		d, err := Span(s)
		*to = d
		return err
	}
}

// Span is a time as ssh's programs have it: seconds, or numbers with s, m, h, d or w ("1h30m";
// sshd_config(5), TIME FORMATS).
func Span(s string) (sum time.Duration, err error) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour,
		'w': 7 * 24 * time.Hour}
	for rest := s; rest != ""; {
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		unit := time.Second
		digits := rest
		rest = ""
		if end >= 0 {
			var ok bool
			if unit, ok = units[digits[end]|0x20]; !ok {
				return 0, expected(false, s, "seconds, or as 1h30m")
			}
			digits, rest = digits[:end], digits[end+1:]
		}
		n, err := strconv.ParseUint(digits, 10, 31)
		if sum += time.Duration(n) * unit; err != nil || sum > 1<<31*time.Second {
			return 0, expected(false, s, "seconds, or as 1h30m")
		}
	}
	return sum, expected(s != "", s, "seconds, or as 1h30m")
}

func same(words ...string) map[string]string {
	all := map[string]string{}
	for _, w := range words {
		all[w] = w
	}
	return all
}

func word(to *string, words map[string]string) func(string) error {
	return func(s string) error {
		value, ok := words[strings.ToLower(s)]
		*to = value
		var names []string
		for name := range words {
			names = append(names, name)
		}
		return expected(ok, s, "one of "+sorted(names))
	}
}

func (o *Options) method(name string) func(string) error {
	return func(s string) error {
		on := false
		err := yes(&on)(s)
		o.Off[name] = !on
		return err
	}
}

func (o *Options) setAgent(s string) error {
	switch {
	case s == "none":
		o.Agent = ""
	case s == "SSH_AUTH_SOCK":
	case strings.HasPrefix(s, "$"):
		o.Agent = os.Getenv(s[1:])
	default:
		o.Agent = Path(s)
	}
	return nil
}

func (o *Options) setEscape(s string) error {
	switch {
	case s == "none":
		o.Escape = 0
	case len(s) == 1 && s[0] < 0x80:
		o.Escape = s[0]
	case len(s) == 2 && s[0] == '^' && s[1] >= '@' && s[1] < 0x80:
		o.Escape = s[1] & 0x1f
	default:
		return expected(false, s, "a character, as ~ or ^X, or none")
	}
	return nil
}
