package ip

import "strings"

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
	also  string // another key for the same
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
func (w word) is(key string) bool { return key == w.key || w.also != "" && key == w.also }

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

// syntax words v for the usage.
func (v verb) syntax() string {
	s := v.names[0]
	for _, w := range v.words {
		s += " " + w.syntax()
	}
	return s
}

// Keys that more than one function reads.
const (
	keyTo     = "to"
	keyDev    = "dev"
	keyVia    = "via"
	keyTable  = "table"
	keyMetric = "metric"
	keySrc    = "src"
	keyUp     = "up"
	keyDown   = "down"
	keyMTU    = "mtu"
	keyLink   = "link"
	keyName   = "name"
	keyType   = "type"
	keyID     = "id"
	keyMAC    = "address"
	keyPeer   = "peer"
)

// objects is the grammar. Of several names that start like a given word the first
// is meant: ip r is ip route, ip l s is ip link set. iproute2 has the same order.
func objects() []object {
	return []object{
		{[]string{"addr", "address"}, addrVerbs()},
		{[]string{"link"}, linkVerbs()},
		{[]string{"neigh", "neighbour", "neighbor"}, neighVerbs()},
		{[]string{"route"}, routeVerbs()},
		{[]string{"rule"}, []verb{{show(), nil, showRules}}},
	}
}

// show returns the names of the verb that shows.
func show() []string { return []string{"show", "list", "lst"} }

// del returns the names of the verb that deletes.
func del() []string { return []string{"del", "delete"} }

func linkVerbs() []verb {
	dev := word{keyDev, "", "LINK", bare | needed}
	return []verb{
		{show(), []word{{keyDev, "", "LINK", bare}, {key: keyUp}}, showLinks},
		{[]string{"set"}, []word{dev, {key: keyUp}, {key: keyDown}, {keyMTU, "", "BYTES", 0}, {keyMAC, "addr", "MAC", 0}}, setLink},
		{[]string{"add"}, []word{{keyLink, "", "LINK", needed}, {keyName, "", "NEW", needed}, {keyType, "", "vlan", needed},
			{keyID, "", "VLAN", needed}}, addLink},
		{del(), []word{dev}, delLink},
	}
}

func addrVerbs() []verb {
	dev := word{keyDev, "", "LINK", needed}
	change := []word{{"local", "", "ADDRESS/LENGTH", bare | needed}, {keyPeer, "", "ADDRESS/LENGTH", 0}, dev}
	return []verb{
		{show(), []word{{keyDev, "", "LINK", bare}, {key: keyUp}}, showAddrs},
		{[]string{"add"}, change, addAddr},
		{del(), change, delAddr},
		{[]string{"flush"}, []word{{keyDev, "", "LINK", needed | bare}}, flushAddrs},
	}
}

func routeVerbs() []verb {
	prefix := word{keyTo, "", "PREFIX", bare | needed}
	change := []word{{key: "blackhole"}, {key: "unreachable"}, {key: "prohibit"}, prefix, {keyVia, "", "ADDRESS", 0}, {keyDev, "", "LINK", 0},
		{keySrc, "", "ADDRESS", 0}, {keyMetric, "preference", "NUMBER", 0}, {keyTable, "t", "TABLE", 0}}
	return []verb{
		{show(), []word{{keyTo, "", "PREFIX", bare}, {keyDev, "", "LINK", 0}, {keyTable, "t", "TABLE|all", 0}}, showRoutes},
		{[]string{"add"}, change, addRoute},
		{del(), change, delRoute},
		{[]string{"replace"}, change, replaceRoute},
		{[]string{"get"}, []word{{keyTo, "", "ADDRESS", bare | needed}}, getRoute},
	}
}

func neighVerbs() []verb {
	return []verb{
		{show(), []word{{keyDev, "", "LINK", 0}}, showNeighs},
		{del(), []word{{keyTo, "", "ADDRESS", bare | needed}, {keyDev, "", "LINK", needed}}, delNeigh},
		{[]string{"flush"}, []word{{keyDev, "", "LINK", needed | bare}}, flushNeighs},
	}
}

// usage says what r could have been, as far as it was understood: all commands,
// those of its object, or the one of its verb.
func (r *request) usage() string {
	var b strings.Builder
	lead := "usage: "
	for _, o := range objects() {
		if r.object != nil && o.names[0] != r.object.names[0] {
			continue
		}
		for _, v := range o.verbs {
			if r.verb != nil && v.names[0] != r.verb.names[0] {
				continue
			}
			b.WriteString(lead + "ip [-4|-6] [-br] [-s] " + o.names[0] + " " + v.syntax() + "\n")
			lead = "       "
		}
	}
	return b.String()
}
