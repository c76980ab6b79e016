package text

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const hexdumpHelp = `	-C	hexadecimal bytes, and what can be printed of them
	-b, -c	bytes: octal, characters
	-o, -d, -x	two bytes each: octal, decimal, hexadecimal
	-e FORMAT	like '16/1 "%02x " "\n"'
	-f FILE	formats, one a line
	-n N	no more than N bytes
	-s N	from byte N on
	-v	print also lines that are as the one before
Numbers may be 0x..., or end with b for 512, k for 1024, m for 1024*1024.
`

// hexdump prints bytes as numbers. Each option for a format adds one.
func hexdump(c *command.Call) {
	d := dumper{Call: c, all: c.Has('v'), length: -1}
	for _, o := range c.Options {
		if err := d.option(o.Letter, o.Value); err != nil {
			c.Misused("-%c %v", o.Letter, err)
			return
		}
	}
	if d.formats == nil {
		if err := d.addLine(`8/2 " %04x"`); err != nil {
			c.Misused("%v", err)
			return
		}
	}
	d.run()
}

func (d *dumper) option(letter byte, value string) (err error) {
	switch letter {
	case 'b':
		return d.addLine(`16/1 " %03o"`)
	case 'c':
		return d.addLine(`16/1 " %3_c"`)
	case 'd':
		return d.addLine(`8/2 "   %05u"`)
	case 'o':
		return d.addLine(`8/2 "  %06o"`)
	case 'x':
		return d.addLine(`8/2 "    %04x"`)
	case 'C':
		return d.add(`"%08_Ax\n"`, `"%08_ax "8/1 " %02x"" "8/1 " %02x"`, `"  |"16/1 "%_p""|\n"`)
	case 'e':
		return d.add(value)
	case 'f':
		return d.addFile(value)
	case 'n':
		n, err := natural(value, 10, math.MaxInt32)
		d.length = int64(n)
		return err
	case 's':
		d.skip, err = amount(value, 0)
	}
	return err
}

// addLine adds a format with the address before it.
func (d *dumper) addLine(format string) error {
	return d.add(`"%07_Ax\n"`, `"%07_ax"`+format+`"\n"`)
}

func (d *dumper) add(formats ...string) error {
	for _, s := range formats {
		f, err := parseDumpFormat(s)
		if err != nil {
			return err
		}
		d.formats = append(d.formats, f)
	}
	return nil
}

// addFile adds the formats of a file, whose lines that begin with # are comments.
func (d *dumper) addFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return command.Named(name, err)
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, 1<<20))
	for lines.Scan() {
		line := strings.TrimLeft(lines.Text(), spaces)
		if line == "" || line[0] == '#' {
			continue
		}
		if err := d.add(line); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return command.Named(name, lines.Err())
}
