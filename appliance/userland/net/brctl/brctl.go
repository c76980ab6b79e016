// Package brctl is brctl(8): bridges, their ports, and their spanning tree. The peer is bridge-utils';
// busybox has less.
package brctl

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/netdevice"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{"brctl": {Usage: "COMMAND [BRIDGE [ARGUMENT]...]", Help: help(), Letters: "+",
		Run: run}}
}

// A verb is a command of brctl.
type verb struct {
	name, operands string // the latter as in the usage
	needs, takes   int    // operands
	do             func(b bridges, args []string) error
}

func verbs() []verb {
	return []verb{
		{"addbr", "BRIDGE", 1, 1, func(b bridges, args []string) error {
			return b.bridge(addBridge, args[0])
		}},
		{"delbr", "BRIDGE", 1, 1, func(b bridges, args []string) error {
			return b.bridge(deleteBridge, args[0])
		}},
		{"addif", "BRIDGE LINK...", 2, math.MaxInt, func(b bridges, args []string) error {
			return b.ports(addPort, args[0], args[1:])
		}},
		{"delif", "BRIDGE LINK...", 2, math.MaxInt, func(b bridges, args []string) error {
			return b.ports(deletePort, args[0], args[1:])
		}},
		{"show", "[BRIDGE]...", 0, math.MaxInt, show},
		{"showmacs", "BRIDGE", 1, 1, showMACs},
		{"showstp", "BRIDGE", 1, 1, showSTP},
		{"stp", "BRIDGE on|off", 2, 2, setSTP},
		{"setageing", "BRIDGE SECONDS", 2, 2, func(b bridges, args []string) error {
			return b.setTime(setAgeing, args)
		}},
		{"setfd", "BRIDGE SECONDS", 2, 2, func(b bridges, args []string) error {
			return b.setTime(setForwardDelay, args)
		}},
		{"sethello", "BRIDGE SECONDS", 2, 2, func(b bridges, args []string) error {
			return b.setTime(setHello, args)
		}},
		{"setmaxage", "BRIDGE SECONDS", 2, 2, func(b bridges, args []string) error {
			return b.setTime(setMaxAge, args)
		}},
		{"setbridgeprio", "BRIDGE NUMBER", 2, 2, func(b bridges, args []string) error {
			return b.setNumber(setPriority, args)
		}},
		{"setpathcost", "BRIDGE LINK NUMBER", 3, 3, func(b bridges, args []string) error {
			return b.setPort(setPathCost, args)
		}},
		{"setportprio", "BRIDGE LINK NUMBER", 3, 3, func(b bridges, args []string) error {
			return b.setPort(setPortPriority, args)
		}},
	}
}

// help lists the commands.
func help() string {
	text := ""
	for _, v := range verbs() {
		text += "  " + v.name + " " + v.operands + "\n"
	}
	return text
}

// bridges is what commands work with.
type bridges struct {
	netdevice.Socket
	*command.Call
}

func run(c *command.Call) {
	if len(c.Args) == 0 {
		c.Misused("expected a command")
		return
	}
	all := verbs()
	i := slices.IndexFunc(all, func(v verb) bool { return v.name == c.Args[0] })
	if i < 0 {
		c.Misused("%s: expected a command that brctl --help shows", c.Args[0])
		return
	}
	args := c.Args[1:]
	if v := all[i]; len(args) < v.needs || len(args) > v.takes {
		c.Misused("%s: expected %s", v.name, v.operands)
		return
	}
	s, err := open()
	if err != nil {
		c.Fail(err)
		return
	}
	defer s.Close()
	if err := all[i].do(bridges{s, c}, args); err != nil {
		c.Fail(err)
	}
}

// setSTP switches the spanning tree.
func setSTP(b bridges, args []string) error {
	on, ok := map[string]uint64{"on": 1, "yes": 1, "1": 1, "off": 0, "no": 0, "0": 0}[args[1]]
	if !ok {
		return fmt.Errorf("%s: expected on or off", args[1])
	}
	return explain(args[0], b.set(args[0], setTree, on, 0))
}

// setTime sets a time, which may have a fraction.
func (b bridges) setTime(what uint64, args []string) error {
	seconds, err := strconv.ParseFloat(args[1], 64)
	if err != nil || seconds < 0 || seconds > math.MaxUint32/ticks {
		return fmt.Errorf("%s: expected seconds", args[1])
	}
	return explain(args[0], b.set(args[0], what, uint64(seconds*ticks), 0))
}

// setNumber sets a number of a bridge.
func (b bridges) setNumber(what uint64, args []string) error {
	n, err := strconv.ParseUint(args[1], 0, 32)
	if err != nil {
		return fmt.Errorf("%s: expected a number", args[1])
	}
	return explain(args[0], b.set(args[0], what, n, 0))
}

// setPort sets a number of a port.
func (b bridges) setPort(what uint64, args []string) error {
	n, err := strconv.ParseUint(args[2], 0, 32)
	if err != nil {
		return fmt.Errorf("%s: expected a number", args[2])
	}
	all, err := b.portsOf(args[0])
	if err != nil {
		return explain(args[0], err)
	}
	for _, p := range all {
		if p.name == args[1] {
			return explain(args[0]+" "+args[1], b.set(args[0], what, uint64(p.number), n))
		}
	}
	return fmt.Errorf("%s: it is no port of %s", args[1], args[0])
}

// show prints bridges with their ports.
func show(b bridges, names []string) error {
	if len(names) == 0 {
		var err error
		if names, err = b.names(); err != nil {
			return err
		}
	}
	lead := "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n" // only if there is a bridge
	var all error
	for _, name := range names {
		i, err := b.info(name)
		if err != nil {
			all = errors.Join(all, explain(name, err))
			continue
		}
		ports, err := b.portsOf(name)
		if err != nil {
			return explain(name, err)
		}
		yes := "no"
		if i.stp() != 0 {
			yes = "yes"
		}
		fmt.Fprintf(b.Stdout, "%s%s\t\t%s\t%s\t\t", lead, name, i.id(atBridge), yes)
		lead = ""
		for n, p := range ports {
			if n > 0 {
				fmt.Fprint(b.Stdout, "\n\t\t\t\t\t\t\t")
			}
			fmt.Fprint(b.Stdout, p.name)
		}
		fmt.Fprintln(b.Stdout)
	}
	return all
}

// showMACs prints what addresses a bridge knows, and behind which port.
func showMACs(b bridges, args []string) error {
	all, err := b.entries(args[0])
	if err != nil {
		return explain(args[0], err)
	}
	fmt.Fprintln(b.Stdout, "port no\tmac addr\t\tis local?\tageing timer")
	for _, line := range all {
		fmt.Fprintln(b.Stdout, line)
	}
	return nil
}

// seconds words a time.
func seconds(n uint32) string { return fmt.Sprintf("%4d.%02d", n/ticks, n%ticks) }

// showSTP prints the spanning tree of a bridge. Of its own times and those of the root, the kernel says three
// by its own clock: what is shown twice is said once. So the forward delay is the bridge's own, not the
// root's.
func showSTP(b bridges, args []string) error {
	i, err := b.info(args[0])
	if err != nil {
		return explain(args[0], err)
	}
	ports, err := b.portsOf(args[0])
	if err != nil {
		return explain(args[0], err)
	}
	w := b.Stdout
	fmt.Fprintf(w, "%s\n bridge id\t\t%s\n designated root\t%s\n", args[0], i.id(atBridge), i.id(atRoot))
	fmt.Fprintf(w, " root port\t\t%4d\t\t\tpath cost\t\t%4d\n", i[atRootPort], i.u32(16))
	fmt.Fprintf(w, " max age\t\t%s\t\t\tbridge max age\t\t%s\n", seconds(i.u32(20)), seconds(i.u32(20)))
	fmt.Fprintf(w, " hello time\t\t%s\t\t\tbridge hello time\t%s\n", seconds(i.u32(24)), seconds(i.u32(24)))
	fmt.Fprintf(w, " forward delay\t\t%s\t\t\tbridge forward delay\t%s\n", seconds(i.u32(40)),
		seconds(i.u32(40)))
	fmt.Fprintf(w, " ageing time\t\t%s\n", seconds(i.u32(48)))
	fmt.Fprintf(w, " hello timer\t\t%s\t\t\ttcn timer\t\t%s\n", seconds(i.u32(56)), seconds(i.u32(60)))
	fmt.Fprintf(w, " topology change timer\t%s\t\t\tgc timer\t\t%s\n", seconds(i.u32(64)), seconds(i.u32(68)))
	fmt.Fprintf(w, " flags\t\t\t%s\n\n\n", flags(flag{i[44] != 0, "TOPOLOGY_CHANGE "},
		flag{i[45] != 0, "TOPOLOGY_CHANGE_DETECTED "}))
	for _, p := range ports {
		if err := b.showPort(args[0], p); err != nil {
			return err
		}
	}
	return nil
}

// flag is a word that is shown if it is set.
type flag struct {
	set  bool
	word string
}

func flags(all ...flag) string {
	var b strings.Builder
	for _, f := range all {
		if f.set {
			b.WriteString(f.word)
		}
	}
	return b.String()
}

// showPort prints the spanning tree of a port.
func (b bridges) showPort(bridge string, p port) error {
	i, err := b.portInfo(bridge, p.number)
	if err != nil {
		return explain(bridge+" "+p.name, err)
	}
	states := []string{"disabled", "listening", "learning", "forwarding", "blocking"}
	state := strconv.Itoa(int(i[28]))
	if int(i[28]) < len(states) {
		state = states[i[28]]
	}
	w := b.Stdout
	fmt.Fprintf(w, "%s (%d)\n port id\t\t%04x\t\t\tstate\t\t%15s\n", p.name, p.number, i.u16(16), state)
	fmt.Fprintf(w, " designated root\t%s\tpath cost\t\t%4d\n", i.id(0), i.u32(20))
	fmt.Fprintf(w, " designated bridge\t%s\tmessage age timer\t%s\n", i.id(8), seconds(i.u32(32)))
	fmt.Fprintf(w, " designated port\t%04x\t\t\tforward delay timer\t%s\n", i.u16(18), seconds(i.u32(36)))
	fmt.Fprintf(w, " designated cost\t%4d\t\t\thold timer\t\t%s\n", i.u32(24), seconds(i.u32(40)))
	fmt.Fprintf(w, " flags\t\t\t%s\n\n", flags(flag{i[30] != 0, "CONFIG_PENDING "},
		flag{i[29] != 0, "TOPOLOGY_CHANGE_ACK "}))
	return nil
}
