package tty

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const sttyHelp = `	-F DEVICE	not standard input
	-a -g	all settings; as one word, which stty takes back
	size, speed	print these
	rows N, cols N	what the terminal is to be believed to have
	sane, raw, 9600 ...	see stty(1); -echo is the contrary of echo
`

// A terminal is one whose modes are shown or changed.
type terminal struct {
	c        *command.Call
	file     *os.File
	name     string
	modes    unix.Termios
	settings []setting
	controls []control
	changed  bool
	dry      bool // words are read, and nothing is done
}

// stty shows or changes the modes of a terminal.
func stty(c *command.Call) {
	t := terminal{c: c, file: os.Stdin, name: "standard input", settings: settings(), controls: controls(),
		dry: true}
	device, show, words, err := t.options(c.Args)
	if err == nil {
		err = t.words(words)
	}
	if err != nil {
		c.Misused("%v", err)
		return
	}
	if device != "" {
		if t.file, err = openTerminal(device); err != nil {
			c.Fail(err)
			return
		}
		defer t.file.Close()
		t.name = device
	}
	if err := t.run(show, words); err != nil {
		c.Fail(command.Named(t.name, err))
	}
}

// openTerminal opens a line that may wait for a modem, and does not wait.
func openTerminal(name string) (*os.File, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil {
		return nil, command.Cannot("open", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// options takes those from the arguments that are no settings: -a, -g, -F.
func (t *terminal) options(args []string) (device string, show byte, words []string, err error) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case len(arg) < 2 || arg[0] != '-' || t.isSetting(arg):
			words = append(words, arg)
			continue
		}
		for letters := arg[1:]; letters != ""; letters = letters[1:] {
			switch letter := letters[0]; letter {
			case 'a', 'g':
				if show != 0 && show != letter {
					return "", 0, nil, errors.New("-a does not go with -g")
				}
				show = letter
				continue
			case 'F':
				if device != "" {
					return "", 0, nil, errors.New("expected one device")
				}
				if device = letters[1:]; device == "" {
					if i++; i == len(args) {
						return "", 0, nil, errors.New("-F needs a device")
					}
					device = args[i]
				}
			default:
				return "", 0, nil, fmt.Errorf("unknown setting %s", arg)
			}
			break
		}
	}
	if show != 0 && len(words) > 0 {
		return "", 0, nil, fmt.Errorf("-%c does not go with settings", show)
	}
	if show == 0 && len(words) == 0 {
		show = 's'
	}
	return device, show, words, nil
}

// isSetting reports whether a word with a dash is the contrary of a setting.
func (t *terminal) isSetting(word string) bool {
	s := t.find(word[1:])
	return s != nil && s.mask == 0 || together(word) != ""
}

func (t *terminal) find(name string) *setting {
	for i := range t.settings {
		if t.settings[i].name == name {
			return &t.settings[i]
		}
	}
	return nil
}

func (t *terminal) run(show byte, words []string) error {
	modes, err := unix.IoctlGetTermios(int(t.file.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	t.modes, t.dry = *modes, false
	switch show {
	case 'g':
		t.c.Stdout.WriteString(saved(modes))
		return nil
	case 'a', 's':
		t.show(show == 'a')
		return nil
	}
	if err = t.words(words); err != nil || !t.changed {
		return err
	}
	if err = unix.IoctlSetTermios(int(t.file.Fd()), unix.TCSETSW, &t.modes); err != nil {
		return err
	}
	if modes, err = unix.IoctlGetTermios(int(t.file.Fd()), unix.TCGETS); err != nil {
		return err
	}
	if saved(modes) != saved(&t.modes) {
		return errors.New("not all of it could be done")
	}
	return nil
}

// words does what they say, one after the other.
func (t *terminal) words(words []string) error {
	for len(words) > 0 {
		n, err := t.word(words)
		if err != nil {
			return err
		}
		words = words[n:]
	}
	return nil
}

// word does the first, and says how many it took.
func (t *terminal) word(words []string) (n int, err error) {
	word := words[0]
	name, off := strings.CutPrefix(word, "-")
	if s := t.find(name); s != nil && (s.mask == 0 || !off) {
		s.apply(&t.modes, !off)
		t.changed = true
		return 1, nil
	}
	if word == "sane" {
		sane(&t.modes)
		t.changed = true
		return 1, nil
	}
	if all := together(word); all != "" {
		return 1, t.words(strings.Fields(all))
	}
	switch word {
	case "size":
		return 1, t.printSize()
	case "speed":
		if !t.dry {
			fmt.Fprintf(t.c.Stdout, "%d\n", rate(&t.modes))
		}
		return 1, nil
	}
	if t.recall(word) {
		t.changed = true
		return 1, nil
	}
	if speed, err := strconv.ParseUint(word, 10, 32); err == nil && setRate(&t.modes, uint32(speed)) {
		t.changed = true
		return 1, nil
	}
	if len(words) > 1 {
		if known, err := t.value(word, words[1]); known {
			return 2, err
		}
	} else if known, _ := t.value(word, ""); known {
		return 0, fmt.Errorf("%s needs a value", word)
	}
	return 0, fmt.Errorf("unknown setting %s", word)
}

// value is a setting of two words.
func (t *terminal) value(name, value string) (known bool, err error) {
	for _, c := range t.controls {
		if c.name != name {
			continue
		}
		b, err := controlOf(value, c.index == unix.VMIN || c.index == unix.VTIME)
		t.modes.Cc[c.index], t.changed = b, true
		return true, err
	}
	n, err := strconv.ParseUint(value, 10, 31)
	bad := fmt.Errorf("%s %s: expected a number", name, value)
	switch name {
	case "line", "rows", "cols", "columns":
		if err != nil || n == 0 {
			return true, bad
		}
		if name == "line" {
			t.modes.Line, t.changed = uint8(n), true
			return true, nil
		}
		return true, t.setSize(name == "rows", uint16(n))
	case "ispeed", "ospeed": // Linux has one for both
		if t.changed = true; err != nil || !setRate(&t.modes, uint32(n)) {
			return true, bad
		}
		return true, nil
	}
	return false, nil
}

// controlOf reads a character: itself, ^C, ^?, ^- for none, or a number.
func controlOf(text string, number bool) (byte, error) {
	switch {
	case number:
	case len(text) < 2:
		return (text + "\x00")[0], nil
	case text == "^-" || text == "undef":
		return 0, nil
	case text == "^?":
		return 0x7f, nil
	case text[0] == '^':
		return text[1] & 0x1f, nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("%s: expected a character or a number below 256", text)
	}
	return byte(n), nil
}

func (t *terminal) setSize(rows bool, n uint16) error {
	if t.dry {
		return nil
	}
	size, err := unix.IoctlGetWinsize(int(t.file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return err
	}
	if rows {
		size.Row = n
	} else {
		size.Col = n
	}
	return unix.IoctlSetWinsize(int(t.file.Fd()), unix.TIOCSWINSZ, size)
}

func (t *terminal) printSize() error {
	if t.dry {
		return nil
	}
	rows, columns, err := sizeOf(t.file)
	if err == nil {
		fmt.Fprintf(t.c.Stdout, "%d %d\n", rows, columns)
	}
	return err
}

// kernelControls of the characters in the word of -g are the kernel's; the C library's others are 0.
const (
	kernelControls  = 19
	libraryControls = 32
)

// saved is the word of -g.
func saved(m *unix.Termios) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%x:%x:%x:%x", m.Iflag, m.Oflag, m.Cflag, m.Lflag)
	for i := range libraryControls {
		cc := byte(0)
		if i < kernelControls {
			cc = m.Cc[i]
		}
		fmt.Fprintf(&b, ":%x", cc)
	}
	return b.String() + "\n"
}

// recall takes it back.
func (t *terminal) recall(word string) bool {
	parts := strings.Split(word, ":")
	if len(parts) != 4+libraryControls {
		return false
	}
	m := t.modes
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 16, 32)
		switch {
		case err != nil || i >= 4 && n > 0xff:
			return false
		case i < 4:
			*[]*uint32{&m.Iflag, &m.Oflag, &m.Cflag, &m.Lflag}[i] = uint32(n)
		case i < 4+kernelControls:
			m.Cc[i-4] = byte(n)
		}
	}
	t.modes = m
	return true
}
