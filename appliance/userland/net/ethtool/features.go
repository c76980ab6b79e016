package ethtool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// A group is a word for several features.
type group struct {
	short, long, pattern string // the pattern is of the kernel's names
}

func groups() []group {
	return []group{
		{"rx", "rx-checksumming", "rx-checksum"}, {"tx", "tx-checksumming", "tx-checksum-*"}, {"sg",
			"scatter-gather", "tx-scatter-gather*"},
		{"tso", "tcp-segmentation-offload", "tx-tcp*-segmentation"}, {"ufo", "udp-fragmentation-offload",
			"tx-udp-fragmentation"},
		{"gso", "generic-segmentation-offload", "tx-generic-segmentation"}, {"gro", "generic-receive-offload",
			"rx-gro"},
		{"lro", "large-receive-offload", "rx-lro"}, {"rxvlan", "rx-vlan-offload", "rx-vlan-hw-parse"},
		{"txvlan", "tx-vlan-offload", "tx-vlan-hw-insert"}, {"ntuple", "ntuple-filters", "rx-ntuple-filter"},
		{"rxhash", "receive-hashing", "rx-hashing"},
	}
}

// match reports whether a feature is of the group.
func (g group) match(name string) bool {
	ok, _ := path.Match(g.pattern, name)
	return ok
}

// A feature is something that a card may do for the kernel.
type feature struct {
	name                         string
	active, fixed, other, wanted bool // other: what is wanted is not what is
	bit                          int
}

// words say how a feature is.
func (f feature) words() string {
	text := "off"
	if f.active {
		text = "on"
	}
	switch {
	case f.fixed:
		text += " [fixed]"
	case f.other && f.wanted:
		text += " [requested on]"
	case f.other:
		text += " [requested off]"
	}
	return text
}

// features asks for all. Those without a name are not of this kernel.
func (d card) features() (all []feature, err error) {
	names, err := d.strings(ofFeatures)
	if err != nil {
		return nil, err
	}
	blocks := (len(names) + 31) / 32
	b := make([]byte, 8+16*blocks)
	binary.NativeEndian.PutUint32(b, unix.ETHTOOL_GFEATURES)
	binary.NativeEndian.PutUint32(b[4:], uint32(blocks))
	if err := d.Ethtool(d.name, b); err != nil {
		return nil, err
	}
	for i, name := range names {
		block, bit := b[8+16*(i/32):], uint32(1)<<(i%32)
		has := func(field int) bool { return u32(block[4*field:])&bit != 0 }
		available, wanted, active, never := has(0), has(1), has(2), has(3)
		if name != "" {
			all = append(all, feature{name, active, !available || never, wanted != active, wanted, i})
		}
	}
	return all, nil
}

// showFeatures prints groups first, and below them what they are of.
func (d card) showFeatures() error {
	all, err := d.features()
	if err != nil {
		return err
	}
	fmt.Fprintf(d.Stdout, "Features for %s:\n", d.name)
	for _, g := range groups() {
		var of []feature
		var whole feature
		for _, f := range all {
			if g.match(f.name) {
				of = append(of, f)
				whole.active = whole.active || f.active
			}
		}
		switch {
		case len(of) == 1 && of[0].name == g.pattern:
			fmt.Fprintf(d.Stdout, "%s: %s\n", g.long, of[0].words())
		case len(of) > 0:
			fmt.Fprintf(d.Stdout, "%s: %s\n", g.long, whole.words())
			for _, f := range of {
				fmt.Fprintf(d.Stdout, "\t%s: %s\n", f.name, f.words())
			}
		}
		all = slices.DeleteFunc(all, func(f feature) bool { return g.match(f.name) })
	}
	for _, f := range all {
		fmt.Fprintf(d.Stdout, "%s: %s\n", f.name, f.words())
	}
	return nil
}

// setFeatures switches features, and says what has changed if that is not what was asked for.
func (d card) setFeatures() error {
	before, err := d.features()
	if err != nil {
		return err
	}
	wanted, err := d.wanted(before)
	if err != nil {
		return err
	}
	highest := 0
	for _, f := range before {
		highest = max(highest, f.bit)
	}
	blocks := highest/32 + 1
	b := make([]byte, 8+8*blocks)
	binary.NativeEndian.PutUint32(b, unix.ETHTOOL_SFEATURES)
	binary.NativeEndian.PutUint32(b[4:], uint32(blocks))
	for bit, on := range wanted {
		block := b[8+8*(bit/32):]
		binary.NativeEndian.PutUint32(block, u32(block)|1<<(bit%32))
		if on {
			binary.NativeEndian.PutUint32(block[4:], u32(block[4:])|1<<(bit%32))
		}
	}
	if err := d.Ethtool(d.name, b); err != nil {
		return err
	}
	after, err := d.features()
	if err != nil {
		return err
	}
	return d.tellChanges(before, after, wanted)
}

// wanted reads pairs of words: what each feature shall be, by its bit.
func (d card) wanted(all []feature) (map[int]bool, error) {
	words := d.Args[1:]
	if len(words) == 0 || len(words)%2 != 0 {
		return nil, usageError{errors.New("expected features, each with on or off")}
	}
	wanted := map[int]bool{}
	for pair := range slices.Chunk(words, 2) {
		if pair[1] != "on" && pair[1] != "off" {
			return nil, usageError{fmt.Errorf("%s: expected on or off", pair[1])}
		}
		g := group{pattern: pair[0]}
		if i := slices.IndexFunc(groups(), func(g group) bool {
			return g.short == pair[0] || g.long == pair[0]
		}); i >= 0 {
			g = groups()[i]
		}
		known := false
		for _, f := range all {
			if f.name == g.pattern || g.short != "" && g.match(f.name) {
				known, wanted[f.bit] = true, pair[1] == "on"
			}
		}
		if !known {
			return nil, usageError{fmt.Errorf("%s: expected a feature that -k shows", pair[0])}
		}
	}
	return wanted, nil
}

// tellChanges says what has changed if that is not all that was wanted, and fails if nothing has.
func (d card) tellChanges(before, after []feature, wanted map[int]bool) error {
	lines, surprise, changed, asked := "", false, false, false
	for i, f := range after {
		on, given := wanted[f.bit]
		was := before[i].active
		asked = asked || given && on != was
		changed = changed || f.active != was
		line := feature{active: f.active}.words()
		switch {
		case given && f.active != on:
			line = feature{active: f.active, other: true, wanted: on}.words()
			surprise = true
		case !given && f.active != was:
			line += " [not requested]"
			surprise = true
		case f.active == was:
			continue
		}
		lines += fmt.Sprintf("%s: %s\n", f.name, line)
	}
	if surprise {
		fmt.Fprintf(d.Stdout, "Actual changes:\n%s", lines)
	}
	if asked && !changed {
		return errors.New("no feature could be changed")
	}
	return nil
}
