package tty

import "golang.org/x/sys/unix"

// Which flags of a terminal a setting is of.
const (
	ofControl = iota
	ofInput
	ofOutput
	ofLocal
)

// What a setting is in a sane terminal.
const (
	unset = -1
	any   = 0
	set   = 1
)

// A setting is one of the flags of termios(3), or a value of some of them.
type setting struct {
	name   string
	of     uint8
	bits   uint32
	mask   uint32 // of a value: all its bits. It has no contrary then.
	sane   int8
	hidden bool // another name of one
}

// settings are in the order in which they are shown.
func settings() (all []setting) {
	for of, some := range [][]setting{controlSettings(), inputSettings(), outputSettings(), localSettings()} {
		for _, s := range some {
			s.of = uint8(of)
			all = append(all, s)
		}
	}
	return all
}

// controlSettings are those of the line.
func controlSettings() []setting {
	return []setting{
		{name: "parenb", bits: unix.PARENB},
		{name: "parodd", bits: unix.PARODD},
		{name: "cmspar", bits: unix.CMSPAR},
		{name: "cs5", bits: unix.CS5, mask: unix.CSIZE},
		{name: "cs6", bits: unix.CS6, mask: unix.CSIZE},
		{name: "cs7", bits: unix.CS7, mask: unix.CSIZE},
		{name: "cs8", bits: unix.CS8, mask: unix.CSIZE},
		{name: "hupcl", bits: unix.HUPCL},
		{name: "hup", bits: unix.HUPCL, hidden: true},
		{name: "cstopb", bits: unix.CSTOPB},
		{name: "cread", bits: unix.CREAD, sane: set},
		{name: "clocal", bits: unix.CLOCAL},
		{name: "crtscts", bits: unix.CRTSCTS},
	}
}

// inputSettings are those of what comes in.
func inputSettings() []setting {
	return []setting{
		{name: "ignbrk", bits: unix.IGNBRK, sane: unset},
		{name: "brkint", bits: unix.BRKINT, sane: set},
		{name: "ignpar", bits: unix.IGNPAR},
		{name: "parmrk", bits: unix.PARMRK},
		{name: "inpck", bits: unix.INPCK},
		{name: "istrip", bits: unix.ISTRIP},
		{name: "inlcr", bits: unix.INLCR, sane: unset},
		{name: "igncr", bits: unix.IGNCR, sane: unset},
		{name: "icrnl", bits: unix.ICRNL, sane: set},
		{name: "ixon", bits: unix.IXON},
		{name: "ixoff", bits: unix.IXOFF, sane: unset},
		{name: "tandem", bits: unix.IXOFF, hidden: true},
		{name: "iuclc", bits: unix.IUCLC, sane: unset},
		{name: "ixany", bits: unix.IXANY, sane: unset},
		{name: "imaxbel", bits: unix.IMAXBEL, sane: set},
		{name: "iutf8", bits: unix.IUTF8, sane: unset},
	}
}

// outputSettings are those of what goes out.
func outputSettings() []setting {
	return []setting{
		{name: "opost", bits: unix.OPOST, sane: set},
		{name: "olcuc", bits: unix.OLCUC, sane: unset},
		{name: "ocrnl", bits: unix.OCRNL, sane: unset},
		{name: "onlcr", bits: unix.ONLCR, sane: set},
		{name: "onocr", bits: unix.ONOCR, sane: unset},
		{name: "onlret", bits: unix.ONLRET, sane: unset},
		{name: "ofill", bits: unix.OFILL, sane: unset},
		{name: "ofdel", bits: unix.OFDEL, sane: unset},
		{name: "nl1", bits: unix.NL1, mask: unix.NLDLY, sane: unset},
		{name: "nl0", bits: unix.NL0, mask: unix.NLDLY, sane: set},
		{name: "cr3", bits: unix.CR3, mask: unix.CRDLY, sane: unset},
		{name: "cr2", bits: unix.CR2, mask: unix.CRDLY, sane: unset},
		{name: "cr1", bits: unix.CR1, mask: unix.CRDLY, sane: unset},
		{name: "cr0", bits: unix.CR0, mask: unix.CRDLY, sane: set},
		{name: "tab3", bits: unix.TAB3, mask: unix.TABDLY, sane: unset},
		{name: "tab2", bits: unix.TAB2, mask: unix.TABDLY, sane: unset},
		{name: "tab1", bits: unix.TAB1, mask: unix.TABDLY, sane: unset},
		{name: "tab0", bits: unix.TAB0, mask: unix.TABDLY, sane: set},
		{name: "bs1", bits: unix.BS1, mask: unix.BSDLY, sane: unset},
		{name: "bs0", bits: unix.BS0, mask: unix.BSDLY, sane: set},
		{name: "vt1", bits: unix.VT1, mask: unix.VTDLY, sane: unset},
		{name: "vt0", bits: unix.VT0, mask: unix.VTDLY, sane: set},
		{name: "ff1", bits: unix.FF1, mask: unix.FFDLY, sane: unset},
		{name: "ff0", bits: unix.FF0, mask: unix.FFDLY, sane: set},
	}
}

// localSettings are those of what the terminal does by itself.
func localSettings() []setting {
	return []setting{
		{name: "isig", bits: unix.ISIG, sane: set},
		{name: "icanon", bits: unix.ICANON, sane: set},
		{name: "iexten", bits: unix.IEXTEN, sane: set},
		{name: "echo", bits: unix.ECHO, sane: set},
		{name: "echoe", bits: unix.ECHOE, sane: set},
		{name: "crterase", bits: unix.ECHOE, hidden: true},
		{name: "echok", bits: unix.ECHOK, sane: set},
		{name: "echonl", bits: unix.ECHONL, sane: unset},
		{name: "noflsh", bits: unix.NOFLSH, sane: unset},
		{name: "xcase", bits: unix.XCASE, sane: unset},
		{name: "tostop", bits: unix.TOSTOP, sane: unset},
		{name: "echoprt", bits: unix.ECHOPRT, sane: unset},
		{name: "prterase", bits: unix.ECHOPRT, hidden: true},
		{name: "echoctl", bits: unix.ECHOCTL, sane: set},
		{name: "ctlecho", bits: unix.ECHOCTL, hidden: true},
		{name: "echoke", bits: unix.ECHOKE, sane: set},
		{name: "crtkill", bits: unix.ECHOKE, hidden: true},
		{name: "flusho", bits: unix.FLUSHO, sane: unset},
		{name: "extproc", bits: unix.EXTPROC, sane: unset},
	}
}

// together are the settings that another word stands for, "" if it stands for none.
func together(word string) string {
	switch word {
	case "evenp", "parity":
		return "parenb -parodd cs7"
	case "oddp":
		return "parenb parodd cs7"
	case "-evenp", "-parity", "-oddp":
		return "-parenb cs8"
	case "nl":
		return "-icrnl -onlcr"
	case "-nl":
		return "icrnl -inlcr -igncr onlcr -ocrnl -onlret"
	case "ek":
		return "erase ^? kill ^U"
	case "cbreak":
		return "-icanon"
	case "-cbreak":
		return "icanon"
	case "pass8":
		return "-parenb cs8 -istrip"
	case "-pass8":
		return "parenb cs7 istrip"
	case "litout":
		return "-parenb cs8 -istrip -opost"
	case "-litout":
		return "parenb cs7 istrip opost"
	case "raw", "-cooked":
		return "-ignbrk -brkint -ignpar -parmrk -inpck -istrip -inlcr -igncr -icrnl -ixon -ixoff -iuclc -ixany -imaxbel " +
			"-iutf8 -opost -isig -icanon -xcase min 1 time 0"
	case "cooked", "-raw":
		return "brkint ignpar istrip icrnl ixon opost isig icanon"
	case "decctlq":
		return "-ixany"
	case "-decctlq":
		return "ixany"
	case "tabs":
		return "tab0"
	case "-tabs":
		return "tab3"
	case "lcase", "LCASE":
		return "xcase iuclc olcuc"
	case "-lcase", "-LCASE":
		return "-xcase -iuclc -olcuc"
	case "crt":
		return "echoe echoctl echoke"
	case "dec":
		return "intr ^C erase ^? kill ^U echoe echoctl echoke -ixany"
	}
	return ""
}

// A control is a character that does something, or one of the two numbers among them.
type control struct {
	name  string
	index uint8
	sane  uint8
}

// controls are in the order in which they are shown; the numbers are the last two.
func controls() []control {
	return []control{
		{"intr", unix.VINTR, 'C' & 0x1f}, {"quit", unix.VQUIT, '\\' & 0x1f}, {"erase", unix.VERASE, 0x7f},
		{"kill", unix.VKILL, 'U' & 0x1f}, {"eof", unix.VEOF, 'D' & 0x1f}, {"eol", unix.VEOL, 0},
		{"eol2", unix.VEOL2, 0},
		{"swtch", unix.VSWTC, 0}, {"start", unix.VSTART, 'Q' & 0x1f}, {"stop", unix.VSTOP, 'S' & 0x1f},
		{"susp", unix.VSUSP, 'Z' & 0x1f}, {"rprnt", unix.VREPRINT, 'R' & 0x1f},
		{"werase", unix.VWERASE, 'W' & 0x1f},
		{"lnext", unix.VLNEXT, 'V' & 0x1f}, {"flush", unix.VDISCARD, 'O' & 0x1f}, {"min", unix.VMIN, 1},
		{"time", unix.VTIME, 0},
	}
}

// rates are the speeds of a line, by their codes: those from 57600 on have CBAUDEX.
func rates() []uint32 {
	return []uint32{
		0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400,
		0, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000,
		3000000, 3500000, 4000000,
	}
}

// rate is the speed of a line.
func rate(m *unix.Termios) uint32 {
	code := m.Cflag & unix.CBAUD
	if code&unix.CBAUDEX != 0 {
		code = code&^unix.CBAUDEX | 16
	}
	return rates()[code&31]
}

// setRate sets it, and reports whether there is such a speed.
func setRate(m *unix.Termios, speed uint32) bool {
	for code, r := range rates() {
		if r != speed || code == 16 {
			continue
		}
		m.Cflag = m.Cflag&^unix.CBAUD | uint32(code&15)
		if code > 16 {
			m.Cflag |= unix.CBAUDEX
		}
		return true
	}
	return false
}

// flags are those that a setting is of.
func (s *setting) flags(m *unix.Termios) *uint32 {
	switch s.of {
	case ofControl:
		return &m.Cflag
	case ofInput:
		return &m.Iflag
	case ofOutput:
		return &m.Oflag
	}
	return &m.Lflag
}

func (s *setting) apply(m *unix.Termios, on bool) {
	f := s.flags(m)
	if *f &^= s.mask | s.bits; on {
		*f |= s.bits
	}
}

// holds reports whether it is so now.
func (s *setting) holds(m *unix.Termios) bool { return *s.flags(m)&(s.mask|s.bits) == s.bits }

// sane makes modes those of a terminal that people sit at.
func sane(m *unix.Termios) {
	for _, c := range controls() {
		m.Cc[c.index] = c.sane
	}
	for _, s := range settings() {
		if s.sane != any {
			if s.sane == set {
				s.apply(m, true)
			} else if s.mask == 0 {
				s.apply(m, false)
			}
		}
	}
}
