package text

import (
	"bytes"
	"strconv"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const commHelp = `  -1 -2 -3  without lines of the first file only, of the second only, of both
  -z        lines end with NUL
  --output-delimiter=TEXT  between columns, instead of a tab
  --total   at last, how many there are
  --check-order --nocheck-order  files must be sorted; need not
`

func commCommand() command.Command {
	return command.Command{
		Usage: "[-123z] FILE FILE", Help: commHelp, Letters: "123z\x01\x02\x03\x04:", Run: comm,
		Long: map[string]byte{
			"zero-terminated": 'z', "check-order": mergeCheck, "nocheck-order": mergeNoCheck,
			"total": commTotal, "output-delimiter": commBetween,
		},
	}
}

// comm prints what is in one of two sorted files, or in both.
func comm(c *command.Call) {
	m := merger{c: c, compare: bytes.Compare, key: func(_ int, line []byte) []byte { return line }, end: '\n'}
	if c.Has('z') {
		m.end = 0
	}
	if !m.open() {
		return
	}
	defer m.close()
	between, given := c.Value(commBetween)
	if !given {
		between = "\t"
	} else if between == "" {
		between = "\x00"
	}
	shown := [3]bool{!c.Has('1'), !c.Has('2'), !c.Has('3')}
	var totals [3]int
	m.advance(0)
	m.advance(1)
	for a, b := &m.files[0], &m.files[1]; (a.whole || b.whole) && !m.fatal && c.Stdout.Err() == nil; {
		column, line := 2, a.line
		order := 0
		switch {
		case !b.whole:
			order = -1
		case !a.whole:
			order = 1
		default:
			order = bytes.Compare(a.line, b.line)
		}
		if order < 0 {
			column = 0
		} else if order > 0 {
			column, line = 1, b.line
		}
		totals[column]++
		if shown[column] {
			for before := range column {
				if shown[before] {
					c.Stdout.WriteString(between)
				}
			}
			c.Stdout.Write(line)
			c.Stdout.WriteByte(m.end)
		}
		m.unpaired = m.unpaired || order != 0
		if order <= 0 {
			m.advance(0)
		}
		if order >= 0 && !m.fatal {
			m.advance(1)
		}
	}
	if c.Has(commTotal) && !m.fatal {
		for _, n := range totals {
			c.Stdout.WriteString(strconv.Itoa(n) + between)
		}
		c.Stdout.WriteString("total" + string(m.end))
	}
}
