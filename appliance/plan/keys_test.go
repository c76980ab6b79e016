package plan_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/site"
)

// everyKey are the sites that together have each key of site.toml with a value that is not its default: what
// a provider is told stands in one of its own, and so do a tunnel
// and what is numbered from several sources.
var everyKey = []string{"every-key.txtar", "every-key-dhcp.txtar", "every-key-tunnel.txtar", "every-key-ipv6.txtar"}

// occurrence is a key = value on a line of site.toml.
type occurrence struct {
	key   site.Key
	line  int // from 0
	value string
}

// occurrences finds the keys in a file that has one of them a line.
func occurrences(t *testing.T, lines []string) []occurrence {
	t.Helper()
	keys := map[string]site.Key{}
	for _, k := range site.Keys() {
		keys[k.Path()] = k
		switch k.Type {
		case "table": // whose own keys stand under a header
			keys[k.Path()+".*"] = k
		default:
			if strings.ToUpper(k.Name) == k.Name { // a name that the site chooses
				keys[strings.Trim(k.Table, "[]")+".*"] = k
			}
		}
	}
	var all []occurrence
	table := ""
	keyLine := regexp.MustCompile(`^"?([a-z0-9.-]+)"? *= (.*)$`)
	for n, line := range lines {
		if strings.HasPrefix(line, "[") {
			table = strings.Trim(line, "[]") + "."
			continue
		}
		m := keyLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		k, known := keys[table+m[1]]
		if !known {
			k, known = keys[table+"*"]
		}
		if !known {
			t.Fatalf("line %d: %s%s is no key of site.Keys", n+1, table, m[1])
		}
		all = append(all, occurrence{k, n, m[2]})
	}
	return all
}

// meaning is what comes of a site.
type meaning struct {
	refused bool
	plan    string // as JSON
	print   string // what people are shown of it
}

func meaningOf(t *testing.T, fsys fstest.MapFS) meaning {
	t.Helper()
	s, err := site.Load(fsys)
	if err != nil {
		return meaning{refused: true}
	}
	planned, err := json.Marshal(plan.Make(s, plan.Learned{WAN: provided(), WAN6: provided6(), Tunnel: &plan.Tunnel{Up: true}}))
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	if err := site.Print(&shown, s); err != nil {
		t.Fatal(err)
	}
	for _, h := range s.Hosts {
		if err := site.PrintHost(&shown, s, h); err != nil {
			t.Fatal(err)
		}
	}
	return meaning{plan: string(planned), print: shown.String()}
}

// TestEveryKeyMatters: no key is accepted and ignored. Each key of the reference sites is left out, and so is
// each word of its lists, and each value is changed a little: the plan is another one then, and so is what
// people are shown of it, or the site is refused. A line stays where it was, as an empty one, because rules
// know the line that they stand on.
func TestEveryKeyMatters(t *testing.T) {
	occurs, varies := map[string]bool{}, map[string]bool{} // by path; some other value is accepted
	for _, name := range everyKey {
		fsys := siteCases(t)[name]
		lines := strings.Split(string(fsys["site.toml"].Data), "\n")
		whole := meaningOf(t, fsys)
		if whole.refused || whole != meaningOf(t, fsys) {
			t.Fatalf("%s is refused, or means something else each time", name)
		}
		for _, o := range occurrences(t, lines) {
			occurs[o.key.Path()] = true
			if keyMatters(t, fsys, o, whole) {
				varies[o.key.Path()] = true
			}
		}
	}
	for _, k := range site.Keys() {
		if path := k.Path(); !occurs[path] || !varies[path] {
			t.Errorf("%s %s: in a reference site: %t; another value was accepted: %t",
				k.Table, k.Name, occurs[path], varies[path])
		}
	}
}

// keyMatters changes the value of a key in a site that means whole, and reports whether another was accepted.
func keyMatters(t *testing.T, fsys fstest.MapFS, o occurrence, whole meaning) (varies bool) {
	t.Helper()
	lines := strings.Split(string(fsys["site.toml"].Data), "\n")
	if o.value == o.key.Default || o.value == "[]" {
		t.Errorf("line %d: %s is the default", o.line+1, lines[o.line])
	}
	name, _, _ := strings.Cut(lines[o.line], "=")
	for i, text := range append([]string{""}, variants(o)...) {
		if i > 0 {
			text = name + "= " + text
		}
		changed := slices.Clone(lines)
		changed[o.line] = text
		other := maps.Clone(fsys)
		other["site.toml"] = &fstest.MapFile{Data: []byte(strings.Join(changed, "\n"))}
		got := meaningOf(t, other)
		if got.plan == whole.plan {
			t.Errorf("line %d: %s\nmeans nothing: with %q in its place the plan is the same",
				o.line+1, lines[o.line], text)
		}
		if got.print == whole.print {
			t.Errorf("line %d: %s\nis not shown: with %q in its place Print says the same",
				o.line+1, lines[o.line], text)
		}
		varies = varies || !got.refused
	}
	return varies
}

// others are values for keys whose words stand for something that another line says, so that no word that is
// only a little different means anything.
func others() map[string]string {
	return map[string]string{
		"netboot.server":                       `"mirror"`,
		"wan.hooks":                            `["dyndns.sh", "other.sh"]`,
		"firewall.list.LIST":                   `"other.list"`,
		"port.host":                            `"web1"`,
		"service.host":                         `"web1"`,
		"tunnel.update.key-file":               `"other.key"`,
		"netboot.chap-secret-file":             `"other.key"`,
		"netboot.chap-mutual-secret-file":      `"other.key"`,
		"host.netboot.chap-secret-file":        `"other.key"`,
		"host.netboot.chap-mutual-secret-file": `"other.key"`,
	}
}

// variants are other values for a key: the other truth, the next number, one character of the value changed,
// and a list without one of its words.
func variants(o occurrence) []string {
	switch o.value {
	case "true":
		return []string{"false"}
	case "false":
		return []string{"true"}
	}
	var all []string
	if other, ok := others()[o.key.Path()]; ok {
		all = append(all, other)
	}
	for i := range len(o.value) {
		if c := next(o.value[i]); c != 0 {
			all = append(all, o.value[:i]+string(c)+o.value[i+1:])
		}
	}
	if words := regexp.MustCompile(`"[^"]*"`).FindAllString(o.value, -1); o.value[0] == '[' {
		for i := range words {
			all = append(all, "["+strings.Join(slices.Delete(slices.Clone(words), i, i+1), ", ")+"]")
		}
	}
	return all
}

// next is another digit or letter, 0 for what is neither.
func next(c byte) byte {
	const kinds = "01234567890abcdefghijklmnopqrstuvwxyza"
	if i := strings.IndexByte(kinds, c); i >= 0 {
		return kinds[i+1]
	}
	return 0
}
