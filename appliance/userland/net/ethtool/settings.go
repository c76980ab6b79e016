package ethtool

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Layout of struct ethtool_link_settings.
const (
	atSpeed       = 4
	atDuplex      = 8
	atPort        = 9
	atPHY         = 10
	atNegotiates  = 11
	atMDIX        = 13
	atWords       = 15
	atTransceiver = 16
	atModes       = 48
	maxWords      = 127
)

// modes are bits: of what a link can be, or says that it can.
type modes []byte

func (m modes) has(bit int) bool { return bit/8 < len(m) && m[bit/8]&(1<<(bit%8)) != 0 }

// A mode is one with its bit (linux/ethtool.h).
type mode struct {
	bit  int
	name string
}

// linkModes are those of cards that a router has: up to 100 Gbit/s.
func linkModes() []mode {
	return []mode{
		{0, "10baseT/Half"}, {1, "10baseT/Full"}, {2, "100baseT/Half"}, {3, "100baseT/Full"}, {67,
			"100baseT1/Full"}, {4, "1000baseT/Half"},
		{5, "1000baseT/Full"}, {17, "1000baseKX/Full"}, {41, "1000baseX/Full"}, {15, "2500baseX/Full"}, {47,
			"2500baseT/Full"},
		{48, "5000baseT/Full"}, {12, "10000baseT/Full"}, {18, "10000baseKX4/Full"}, {19, "10000baseKR/Full"},
		{42,
			"10000baseCR/Full"},
		{43, "10000baseSR/Full"}, {44, "10000baseLR/Full"}, {31, "25000baseCR/Full"},
		{32, "25000baseKR/Full"}, {33,
			"25000baseSR/Full"},
		{23, "40000baseKR4/Full"}, {24, "40000baseCR4/Full"}, {25, "40000baseSR4/Full"}, {26, "40000baseLR4/Full"},
		{36, "100000baseKR4/Full"},
		{37, "100000baseSR4/Full"}, {38, "100000baseCR4/Full"}, {39, "100000baseLR4_ER4/Full"},
	}
}

// Bits of modes that are no speed.
const (
	modeNegotiates = 6
	modeTP         = 7
	modeAUI        = 8
	modeMII        = 9
	modeFibre      = 10
	modeBNC        = 11
	modePause      = 13
	modeAsymPause  = 14
	modeBackplane  = 16
)

// showSettings prints what the link is.
func (d card) showSettings() error {
	b, err := d.linkSettings()
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	link, linkErr := d.ask(unix.ETHTOOL_GLINK, 8)
	if err != nil && linkErr != nil {
		return linkErr
	}
	fmt.Fprintf(d.Stdout, "Settings for %s:\n", d.name)
	if err == nil {
		d.printSettings(b)
	}
	if linkErr == nil {
		yes := "no"
		if u32(link[4:]) != 0 {
			yes = "yes"
		}
		fmt.Fprintf(d.Stdout, "\tLink detected: %s\n", yes)
	}
	return nil
}

// linkSettings asks twice: the kernel says first how many words of bits it has.
func (d card) linkSettings() ([]byte, error) {
	b, err := d.ask(unix.ETHTOOL_GLINKSETTINGS, atModes+3*4*maxWords)
	if err != nil {
		return nil, err
	}
	words := -int8(b[atWords])
	if words <= 0 {
		return nil, fmt.Errorf("the kernel has %d words of modes", words)
	}
	clear(b[4:])
	b[atWords] = byte(words)
	if err := d.Ethtool(d.name, b); err != nil {
		return nil, err
	}
	return b, nil
}

func (d card) printSettings(b []byte) {
	size := 4 * int(b[atWords])
	supported, advertised, partner := modes(b[atModes:atModes+size]), modes(b[atModes+size:atModes+2*size]),
		modes(b[atModes+2*size:atModes+3*size])
	fmt.Fprintf(d.Stdout, "\tSupported ports: [ %s ]\n", strings.Join(ports(supported), "\t "))
	d.printModes("Supported", "Supports", supported)
	d.printModes("Advertised", "Advertised", advertised)
	for _, bits := range partner {
		if bits != 0 {
			d.printModes("Link partner advertised", "Link partner advertised", partner)
			break
		}
	}
	speed := "Unknown!"
	if n := u32(b[atSpeed:]); n != 0 && n != 0xffff && n != 0xffffffff {
		speed = strconv.Itoa(int(n)) + "Mb/s"
	}
	fmt.Fprintf(d.Stdout, "\tSpeed: %s\n", speed)
	fmt.Fprintf(d.Stdout, "\tDuplex: %s\n", named(b[atDuplex], map[byte]string{0: "Half", 1: "Full"}))
	onOff := "off"
	if b[atNegotiates] != 0 {
		onOff = "on"
	}
	fmt.Fprintf(d.Stdout, "\tAuto-negotiation: %s\n", onOff)
	fmt.Fprintf(d.Stdout, "\tPort: %s\n", named(b[atPort], map[byte]string{0: "Twisted Pair", 1: "AUI", 2: "MII",
		3: "FIBRE", 4: "BNC",
		5: "Direct Attach Copper", 0xef: "None", 0xff: "Other"}))
	fmt.Fprintf(d.Stdout, "\tPHYAD: %d\n", b[atPHY])
	fmt.Fprintf(d.Stdout, "\tTransceiver: %s\n", named(b[atTransceiver], map[byte]string{0: "internal",
		1: "external"}))
	if b[atPort] == 0 {
		crossed, known := map[byte]string{1: "off", 2: "on"}[b[atMDIX]]
		if !known {
			crossed = "Unknown"
		}
		fmt.Fprintf(d.Stdout, "\tMDI-X: %s\n", crossed)
	}
}

// named is the name of n, or that it has none.
func named(n byte, names map[byte]string) string {
	if name, ok := names[n]; ok {
		return name
	}
	return fmt.Sprintf("Unknown! (%d)", n)
}

// ports are the sockets that a card has.
func ports(m modes) (all []string) {
	for _, p := range []mode{{modeTP, "TP"}, {modeAUI, "AUI"}, {modeBNC, "BNC"}, {modeMII, "MII"}, {modeFibre,
		"FIBRE"}, {modeBackplane, "Backplane"}} {
		if m.has(p.bit) {
			all = append(all, p.name)
		}
	}
	return all
}

// printModes prints bits: Half and Full of a speed in one line.
func (d card) printModes(who, negotiates string, m modes) {
	lead := fmt.Sprintf("\t%-22s ", who+" link modes:")
	line, last := "", ""
	for _, of := range linkModes() {
		if !m.has(of.bit) {
			continue
		}
		speed, duplex, _ := strings.Cut(of.name, "/")
		if line != "" && (speed != last || duplex != "Full") {
			line += "\n\t" + strings.Repeat(" ", len(lead)-1)
		}
		line, last = line+" "+of.name, speed
	}
	if line == "" {
		line = " Not reported"
	}
	pause := "No"
	switch {
	case m.has(modePause) && m.has(modeAsymPause):
		pause = "Symmetric Receive-only"
	case m.has(modePause):
		pause = "Symmetric"
	case m.has(modeAsymPause):
		pause = "Transmit-only"
	}
	yes := "No"
	if m.has(modeNegotiates) {
		yes = "Yes"
	}
	var fec []string
	for _, f := range []mode{{49, "None"}, {51, "BASER"}, {50, "RS"}, {74, "LLRS"}} {
		if m.has(f.bit) {
			fec = append(fec, f.name)
		}
	}
	if fec == nil {
		fec = []string{"Not reported"}
	}
	fmt.Fprintf(d.Stdout, "%s%s\n\t%s pause frame use: %s\n\t%s auto-negotiation: %s\n\t%s FEC modes: %s\n",
		lead, line, who, pause,
		negotiates, yes, who, strings.Join(fec, " "))
}
