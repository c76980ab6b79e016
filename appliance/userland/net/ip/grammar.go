package ip

import (
	"slices"
	"strings"
)

// object is what a command line is about.
type object struct {
	names []string // the first is the one in messages
	verbs []verb   // the first is meant when none is given
}

// verb is what can be done to an object.
type verb struct {
	names []string // the first is the one in messages
	words []word   // what may follow
	run   func(*request) error
}

// word is one part of what follows a verb: a key with a value, or a key alone.
type word struct {
	key   string
	also  string // other keys for the same, with spaces between
	value string // what the value is called in messages; empty: the key is alone
	use   use
}

// use says how a word is used.
type use int

const (
	needed use = 1 << iota // the command makes no sense without
	bare                   // the value may come without its key
)

// is reports whether the word has the key.
func (w word) is(key string) bool {
	return key == w.key || slices.Contains(strings.Fields(w.also), key)
}

// plain words w for messages.
func (w word) plain() string {
	switch {
	case w.use&bare != 0 && w.key == keyDev:
		return "[dev] " + w.value
	case w.use&bare != 0:
		return w.value
	case w.value != "":
		return w.key + " " + w.value
	}
	return w.key
}

// syntax words w for the usage.
func (w word) syntax() string {
	if w.use&needed == 0 {
		return "[" + w.plain() + "]"
	}
	return w.plain()
}

// name is that in messages; empty for the one that needs none.
func (v verb) name() string {
	if len(v.names) == 0 {
		return ""
	}
	return v.names[0]
}

// syntax words v for the usage.
func (v verb) syntax() string {
	s := v.name()
	for _, w := range v.words {
		s += " " + w.syntax()
	}
	return strings.TrimSpace(s)
}

// Keys that more than one function reads.
const (
	keyTo        = "to"
	keyDev       = "dev"
	keyVia       = "via"
	keyTable     = "table"
	keyMetric    = "metric"
	keySrc       = "src"
	keyUp        = "up"
	keyDown      = "down"
	keyMTU       = "mtu"
	keyLink      = "link"
	keyName      = "name"
	keyType      = "type"
	keyID        = "id"
	keyMAC       = "address"
	keyPeer      = "peer"
	keyMaster    = "master"
	keyScope     = "scope"
	keyProto     = "proto"
	keyFrom      = "from"
	keyIif       = "iif"
	keyOif       = "oif"
	keyMark      = "mark"
	keyNot       = "not"
	keyPref      = "pref"
	keyAlias     = "alias"
	keyBroadcast = "brd"
	keyNoDAD     = "nodad"
	keyNUD       = "nud"
	keyAll       = "all"
	keyLabel     = "label"
	keyRoute     = "route"
	keyRoot      = "root"
	keyMatch     = "match"
	keyExact     = "exact"
	keyOnlink    = "onlink"
)

// objects is the grammar. Of several names that start like a given word the first
// is meant: ip r is ip route, ip l s is ip link set. iproute2 has the same order.
func objects() []object {
	return []object{
		{[]string{"addr", "address"}, addrVerbs()},
		{[]string{"maddr", "maddress"}, []verb{{show(), []word{{keyDev, "", "LINK", bare}}, showGroups}}},
		{[]string{keyRoute}, routeVerbs()},
		{[]string{"rule"}, ruleVerbs()},
		{[]string{"neigh", "neighbour", "neighbor"}, neighVerbs()},
		{[]string{keyLink}, linkVerbs()},
		{[]string{"monitor"}, []verb{{nil, []word{{key: keyAll}, {key: keyLabel}, {key: keyLink}, {key: "address",
			also: "addr"}, {key: keyRoute},
			{key: "neigh"}, {key: "rule"}}, monitor}}},
	}
}

// show returns the names of the verb that shows.
func show() []string { return []string{"show", "list", "lst"} }

// del returns the names of the verb that deletes.
func del() []string { return []string{"del", "delete"} }

func linkVerbs() []verb {
	dev := word{keyDev, "", "LINK", bare | needed}
	set := []word{dev, {key: keyUp}, {key: keyDown}, {keyMTU, "", "BYTES", 0}, {keyMAC, "addr", "MAC", 0},
		{keyName,
			"", "NEW", 0},
		{keyMaster, "", "LINK", 0}, {key: "nomaster"}, {"txqueuelen", "qlen", "PACKETS", 0}, {keyAlias, "", "TEXT",
			0}}
	for _, s := range switches() {
		set = append(set, word{s.key, s.also, "on|off", 0})
	}
	return []verb{
		{show(), []word{{keyDev, "", "LINK", bare}, {key: keyUp}, {keyType, "", "TYPE", 0}, {keyMaster, "", "LINK",
			0}}, showLinks},
		{[]string{"set"}, set, setLink},
		{[]string{"add"}, []word{{keyLink, "", "LINK", 0}, {keyName, "", "NEW", bare | needed}, {keyMAC, "addr",
			"MAC", 0},
			{keyType, "", "vlan|bridge|dummy", needed}, {keyID, "", "VLAN", 0}}, addLink},
		{del(), []word{dev}, delLink},
	}
}

func addrVerbs() []verb {
	dev := word{keyDev, "", "LINK", needed}
	change := []word{{"local", "", "ADDRESS/LENGTH", bare | needed}, {keyPeer, "", "ADDRESS/LENGTH", 0}, dev,
		{keyBroadcast, "broadcast", "ADDRESS|+|-", 0}, {keyLabel, "", "NAME", 0}, {key: keyNoDAD}}
	shown := []word{{keyDev, "", "LINK", bare}, {key: keyUp}, {keyScope, "", "global|site|link|host", 0},
		{keyTo, "", "PREFIX", 0}, {keyType, "", "TYPE", 0}, {keyMaster, "", "LINK", 0}}
	for _, name := range addrMarks() {
		shown = append(shown, word{key: name})
	}
	return []verb{
		{show(), shown, showAddrs},
		{[]string{"add"}, change, addAddr},
		{[]string{"replace", "change"}, change, replaceAddr},
		{del(), change, delAddr},
		{[]string{"flush"}, []word{{keyDev, "", "LINK", needed | bare}, {keyScope, "", "global|site|link|host", 0}},
			flushAddrs},
	}
}

// fates are the words for packets that go nowhere.
func fates() []word { return []word{{key: "blackhole"}, {key: "unreachable"}, {key: "prohibit"}} }

func routeVerbs() []verb {
	change := append(fates(), word{keyTo, "", "PREFIX", bare | needed}, word{keyVia, "", "ADDRESS", 0},
		word{keyDev, "", "LINK", 0}, word{keySrc, "", "ADDRESS", 0},
		word{keyMetric, "preference", "NUMBER", 0}, word{keyTable, "t", "TABLE", 0},
		word{keyProto, "protocol", "PROTOCOL", 0}, word{keyScope, "", "global|site|link|host", 0},
		word{keyMTU, "", "BYTES", 0}, word{key: keyOnlink})
	shown := []word{{keyTo, "", "PREFIX", bare}, {keyVia, "", "ADDRESS", 0}, {keyDev, "", "LINK", 0},
		{keyTable, "t", "TABLE|all", 0},
		{keyProto, "protocol", "PROTOCOL", 0}, {keyScope, "", "global|site|link|host", 0},
		{keySrc, "", "ADDRESS", 0},
		{keyMetric, "", "NUMBER", 0}, {keyRoot, "", "PREFIX", 0}, {keyMatch, "", "PREFIX", 0},
		{keyExact, "", "PREFIX", 0}}
	return []verb{
		{show(), shown, showRoutes},
		{[]string{"add"}, change, addRoute},
		{[]string{"append"}, change, appendRoute},
		{[]string{"change"}, change, alterRoute},
		{del(), change, delRoute},
		{[]string{"replace"}, change, replaceRoute},
		{[]string{"get"}, []word{{keyTo, "", "ADDRESS", bare | needed}, {keyFrom, "", "ADDRESS", 0}, {keyIif, "",
			"LINK", 0},
			{keyOif, "dev", "LINK", 0}, {keyMark, "", "NUMBER", 0}}, getRoute},
		{[]string{"flush"}, shown, flushRoutes},
	}
}

// prefToo are what else people say for the order of a rule.
const prefToo = "priority prio preference order"

func ruleVerbs() []verb {
	change := append([]word{{key: keyNot}, {keyFrom, "", "PREFIX", 0}, {keyTo, "", "PREFIX", 0}, {keyIif, "dev",
		"LINK", 0}, {keyOif, "", "LINK", 0},
		{keyMark, "fwmark", "MARK[/MASK]", 0}, {keyPref, prefToo, "NUMBER", 0}, {keyTable, "lookup", "TABLE",
			0}}, fates()...)
	shown := []word{{keyPref, prefToo, "NUMBER", 0}, {keyTable, "lookup", "TABLE", 0}}
	return []verb{{show(), shown, showRules}, {[]string{"add"}, change, addRule}, {del(), change, delRule}}
}

func neighVerbs() []verb {
	set := []word{{keyTo, "", "ADDRESS", bare | needed}, {keyMAC, "lladdr", "MAC", needed}, {keyDev, "", "LINK",
		needed}, {keyNUD, "", "STATE", 0}}
	return []verb{
		{show(), []word{{keyTo, "", "PREFIX", bare}, {keyDev, "", "LINK", 0}, {keyNUD, "", "STATE", 0}},
			showNeighs},
		{[]string{"add"}, set, addNeigh},
		{[]string{"replace", "change"}, set, replaceNeigh},
		{del(), []word{{keyTo, "", "ADDRESS", bare | needed}, {keyDev, "", "LINK", needed}}, delNeigh},
		{[]string{"flush"}, []word{{keyDev, "", "LINK", needed | bare}}, flushNeighs},
	}
}

// usage says what r could have been, as far as it was understood: that of its object, or the one of its verb.
func (r *request) usage() string {
	if r.object == nil && !r.help {
		return "usage: ip [OPTION]... OBJECT [COMMAND [WORD]...]; ip help lists them\n"
	}
	var b strings.Builder
	lead := "usage: "
	for _, o := range objects() {
		if r.object != nil && o.names[0] != r.object.names[0] {
			continue
		}
		for _, v := range o.verbs {
			if r.verb != nil && v.name() != r.verb.name() {
				continue
			}
			b.WriteString(wrapped(lead + "ip [OPTION]... " + o.names[0] + " " + v.syntax()))
			lead = "       "
		}
	}
	if r.object == nil {
		b.WriteString(`  -4, -6  one family
  -br     few words in columns
  -d      details
  -j      JSON, with -p for people
  -o      each record in one line
  -s      counters; twice: of errors too
  -t, -ts monitor says when
`)
	}
	return b.String()
}

// wrapped breaks a line of words before column 80, but not within brackets.
func wrapped(line string) string {
	const width = 79
	var b strings.Builder
	for len(line) > width {
		at, depth := 0, 0
		for i, c := range line[:width+1] {
			switch {
			case c == '[':
				depth++
			case c == ']':
				depth--
			case c == ' ' && depth == 0 && i > len("           "):
				at = i
			}
		}
		if at == 0 {
			break
		}
		b.WriteString(line[:at] + "\n")
		line = "          " + line[at:]
	}
	return b.String() + line + "\n"
}
