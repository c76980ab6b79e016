package ss

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// counts are numbers of the kernel by file section and name: "TCP:inuse".
type counts map[string]int

// read adds a file of lines "TCP: inuse 3 orphan 0". One that is not there adds nothing: a kernel without
// IPv6.
func (c counts) read(file string) error {
	text, err := os.ReadFile("/proc/thread-self/net/" + file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		for i := 1; i+1 < len(words); i += 2 {
			n, _ := strconv.Atoi(words[i+1])
			c[words[0]+words[i]] = n
		}
	}
	return nil
}

// established is the number that snmp has of TCP, in a line of names and one of numbers.
func established() (int, error) {
	text, err := os.ReadFile("/proc/thread-self/net/snmp")
	if err != nil {
		return 0, err
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "Tcp:" {
			continue
		}
		for i, name := range names {
			if name == "CurrEstab" && i < len(words) {
				return strconv.Atoi(words[i])
			}
		}
		names = words
	}
	return 0, errors.New("/proc/net/snmp: expected Tcp: with CurrEstab")
}

// printSummary says how many sockets there are.
func printSummary(w io.Writer) error {
	c := counts{}
	if err := errors.Join(c.read("sockstat"), c.read("sockstat6")); err != nil {
		return err
	}
	estab, err := established()
	if err != nil {
		return err
	}
	hashed := c["TCP:inuse"] + c["TCP6:inuse"]
	fmt.Fprintf(w, "Total: %d\n", c["sockets:used"])
	fmt.Fprintf(w, "TCP:   %d (estab %d, closed %d, orphaned %d, timewait %d)\n\n", c["TCP:alloc"]+c["TCP:tw"],
		estab,
		c["TCP:alloc"]-(hashed-c["TCP:tw"]), c["TCP:orphan"], c["TCP:tw"])
	fmt.Fprintln(w, "Transport Total     IP        IPv6")
	all := [2]int{}
	row := func(name string, v4, v6 int) { fmt.Fprintf(w, "%s\t  %-9d %-9d %-9d\n", name, v4+v6, v4, v6) }
	for _, name := range []string{"RAW", "UDP", "TCP"} {
		v4, v6 := c[name+":inuse"], c[name+"6:inuse"]
		row(name, v4, v6)
		all[0], all[1] = all[0]+v4, all[1]+v6
	}
	row("INET", all[0], all[1])
	row("FRAG", c["FRAG:inuse"], c["FRAG6:inuse"])
	fmt.Fprintln(w)
	return nil
}
