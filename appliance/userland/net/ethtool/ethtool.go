// Package ethtool is ethtool(8): driver, link, counters and offloads of a card. Of what it can change, it
// changes offloads. It asks by ioctl(2), as older versions do; what only netlink says (cable tests, FEC,
// lanes) is left out, as are Wake-on-LAN and message levels.
package ethtool

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/netdevice"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{"ethtool": {
		Usage: "[-i|-k|-P|-S] LINK | -K LINK FEATURE on|off...",
		Help: `  -i  its driver
  -k  what it does for the kernel (offloads)
  -P  the address it was made with
  -S  what it counts
  -K  switch offloads: rx tx sg tso gso gro lro rxvlan txvlan ntuple rxhash, or
      a name that -k shows
`,
		Letters: "+iKkPS", Run: run,
		Long: map[string]byte{"driver": 'i', "features": 'K', "offload": 'K', "show-features": 'k',
			"show-offload":  'k',
			"show-permaddr": 'P', "statistics": 'S'},
	}}
}

// Exit statuses of ethtool where no option says what it failed at.
const (
	exitNoLink  = 75
	exitNoStats = 94
)

// card is a link to ask about.
type card struct {
	netdevice.Socket
	*command.Call
	name string
}

func run(c *command.Call) {
	if len(c.Options) > 1 || len(c.Args) == 0 || len(c.Args) > 1 && !c.Has('K') {
		c.Misused("expected one option and a link")
		return
	}
	s, err := netdevice.Open(unix.AF_INET)
	if err != nil {
		c.Fail(err)
		return
	}
	defer s.Close()
	d := card{s, c, c.Args[0]}
	do := d.showSettings
	if len(c.Options) == 1 {
		do = map[byte]func() error{
			'i': d.showDriver, 'k': d.showFeatures, 'K': d.setFeatures, 'P': d.showPermanent,
			'S': d.showCounters,
		}[c.Options[0].Letter]
	}
	if err := do(); err != nil {
		d.fail(err)
	}
}

// fail says what failed; the status is that of ethtool.
func (d card) fail(err error) {
	switch {
	case errors.As(err, new(usageError)):
		d.Misused("%v", err)
		return
	case errors.Is(err, unix.ENODEV):
		err = errors.New("there is no such link")
	case errors.Is(err, unix.EOPNOTSUPP):
		err = errors.New("its driver does not say that")
	}
	d.Fail(fmt.Errorf("%s: %w", d.name, err))
	switch {
	case len(d.Options) == 0:
		fmt.Fprintln(d.Stdout, "No data available")
		d.Exit(exitNoLink)
	case d.Has('S'):
		d.Exit(exitNoStats)
	}
}

// usageError is an error of the command line.
type usageError struct{ error }

// u32 is a number of the kernel's.
func u32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

// ask does a command with room for an answer, and returns both.
func (d card) ask(command uint32, size int) ([]byte, error) {
	b := make([]byte, size)
	binary.NativeEndian.PutUint32(b, command)
	return b, d.Ethtool(d.name, b)
}

// text is a string of a card's driver.
func text(b []byte) string { return printable.String(unix.ByteSliceToString(b)) }

// showDriver prints who drives the card.
func (d card) showDriver() error {
	b, err := d.ask(unix.ETHTOOL_GDRVINFO, 196)
	if err != nil {
		return err
	}
	for i, name := range []string{"driver", "version", "firmware-version", "bus-info", "expansion-rom-version"} {
		if name == "bus-info" { // the last two are shown the other way about
			continue
		}
		fmt.Fprintf(d.Stdout, "%s: %s\n", name, text(b[4+32*i:4+32*i+32]))
	}
	fmt.Fprintf(d.Stdout, "bus-info: %s\n", text(b[4+32*3:4+32*4]))
	for i, name := range []string{"statistics", "test", "eeprom-access", "register-dump", "priv-flags"} {
		at := []int{180, 184, 188, 192, 176}[i]
		yes := "no"
		if u32(b[at:]) != 0 {
			yes = "yes"
		}
		fmt.Fprintf(d.Stdout, "supports-%s: %s\n", name, yes)
	}
	return nil
}

// Sets of strings (linux/ethtool.h).
const (
	ofCounters = 1
	ofFeatures = 4
	stringLen  = 32
	maxStrings = 65536
)

// strings are the names of a set.
func (d card) strings(set uint32) ([]string, error) {
	info := make([]byte, 20)
	binary.NativeEndian.PutUint32(info, unix.ETHTOOL_GSSET_INFO)
	binary.NativeEndian.PutUint64(info[8:], 1<<set)
	if err := d.Ethtool(d.name, info); err != nil {
		return nil, err
	}
	n := int(u32(info[16:]))
	if binary.NativeEndian.Uint64(info[8:]) == 0 || n == 0 {
		return nil, nil
	}
	if n > maxStrings {
		return nil, fmt.Errorf("%d names are too many", n)
	}
	b := make([]byte, 12+stringLen*n)
	binary.NativeEndian.PutUint32(b, unix.ETHTOOL_GSTRINGS)
	binary.NativeEndian.PutUint32(b[4:], set)
	binary.NativeEndian.PutUint32(b[8:], uint32(n))
	if err := d.Ethtool(d.name, b); err != nil {
		return nil, err
	}
	all := make([]string, n)
	for i := range all {
		all[i] = text(b[12+stringLen*i : 12+stringLen*(i+1)])
	}
	return all, nil
}

// showCounters prints what the card counts.
func (d card) showCounters() error {
	names, err := d.strings(ofCounters)
	if err == nil && len(names) == 0 {
		err = errors.New("it counts nothing")
	}
	if err != nil {
		return err
	}
	b := make([]byte, 8+8*len(names))
	binary.NativeEndian.PutUint32(b, unix.ETHTOOL_GSTATS)
	binary.NativeEndian.PutUint32(b[4:], uint32(len(names)))
	if err := d.Ethtool(d.name, b); err != nil {
		return err
	}
	fmt.Fprintln(d.Stdout, "NIC statistics:")
	for i, name := range names {
		fmt.Fprintf(d.Stdout, "     %s: %d\n", name, binary.NativeEndian.Uint64(b[8+8*i:]))
	}
	return nil
}

// showPermanent prints the address the card was made with.
func (d card) showPermanent() error {
	const longest = 32
	b := make([]byte, 8+longest)
	binary.NativeEndian.PutUint32(b, unix.ETHTOOL_GPERMADDR)
	binary.NativeEndian.PutUint32(b[4:], longest)
	if err := d.Ethtool(d.name, b); err != nil {
		return err
	}
	address := b[8 : 8+min(longest, u32(b[4:]))]
	shown := "not set"
	for _, digit := range address {
		if digit != 0 {
			shown = netdevice.MAC(address)
		}
	}
	fmt.Fprintf(d.Stdout, "Permanent address: %s\n", shown)
	return nil
}
