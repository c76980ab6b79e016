package text

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// dumper prints bytes by formats, block after block.
type dumper struct {
	*command.Call
	formats []dumpFormat
	all     bool   // also blocks that are as the one before
	skip    int64  // bytes at the beginning
	length  int64  // no more bytes; -1: all
	end     string // of a block that is cut short: nothing is printed in place of what it lacks
	shift   int64  // of addresses that are printed

	address int64
	block   int // bytes
}

// dumpMost is the most bytes of a block.
const dumpMost = 1 << 20

// run prints all operands as one.
func (d *dumper) run() {
	d.layOut()
	if d.block > dumpMost {
		d.Misused("expected no more than %d bytes at once, the format has %d", dumpMost, d.block)
	}
	if d.block == 0 || d.block > dumpMost {
		return
	}
	in := &joined{Call: d.Call, names: d.Args}
	if len(in.names) == 0 {
		in.names = []string{"-"}
	}
	defer in.close()
	if !d.start(in) {
		return
	}
	r := io.Reader(in)
	if d.length >= 0 {
		r = io.LimitReader(in, d.length)
	}
	now, last := make([]byte, d.block), make([]byte, d.block)
	first, starred := true, false
	for d.Stdout.Err() == nil {
		n, err := io.ReadFull(r, now)
		if n == 0 {
			break
		}
		same := !d.all && !first && bytes.Equal(now[:n], last[:n])
		if same && !starred {
			d.Stdout.WriteString("*\n")
			starred = true
		}
		if !same || n < d.block {
			starred = false
			clear(now[n:])
			if !d.print(now, n) {
				d.address += int64(n)
				return
			}
		}
		d.address += int64(n)
		now, last, first = last, now, false
		if err != nil {
			break
		}
	}
	if d.address > 0 {
		d.finish()
	}
}

// start skips the beginning.
func (d *dumper) start(in *joined) bool {
	n, err := io.CopyN(io.Discard, in, d.skip)
	d.address = n
	if err != nil && err != io.EOF {
		d.Fail(err)
		return false
	}
	return true
}

// layOut finds how many bytes a block has: as many as the longest format. Others are repeated to that length.
func (d *dumper) layOut() {
	sizes := make([]int, len(d.formats))
	for i, f := range d.formats {
		for _, u := range f {
			sizes[i] += u.size * u.times
		}
		d.block = max(d.block, sizes[i])
	}
	for i, f := range d.formats {
		if len(f) == 0 {
			continue
		}
		if u := &f[len(f)-1]; !u.fixed && u.size > 0 {
			u.times += (d.block - sizes[i]) / u.size
		}
	}
}

// print prints one block, of which n bytes are there. It reports whether there may be more.
func (d *dumper) print(block []byte, n int) bool {
	for _, f := range d.formats {
		at := 0
		for _, u := range f {
			if u.atEnd {
				break
			}
			for time := range u.times {
				if d.Stdout.Err() != nil {
					return false
				}
				for i := range u.parts {
					p := &u.parts[i]
					missing := at >= n && n < len(block)
					if missing && d.end != "" {
						d.Stdout.WriteString(d.end)
						return false
					}
					text := p.text(block[at:], d.address+int64(at)+d.shift, missing)
					if i == len(u.parts)-1 && u.times > 1 && time == u.times-1 {
						text = withoutGap(text, p.after)
					}
					d.Stdout.WriteString(text)
					at += p.size
				}
			}
		}
	}
	return true
}

// withoutGap is a text without the blank that its format ends with.
func withoutGap(text, format string) string {
	if format != "" && isSpace(format[len(format)-1]) && text != "" && isSpace(text[len(text)-1]) {
		return text[:len(text)-1]
	}
	return text
}

// finish prints what comes behind all. Of several formats it is the last.
func (d *dumper) finish() {
	var last *dumpUnit
	for _, f := range d.formats {
		for i := range f {
			if f[i].atEnd {
				last = &f[i]
			}
		}
	}
	if last == nil {
		return
	}
	for i := range last.parts {
		d.Stdout.WriteString(last.parts[i].text(nil, d.address+d.shift, false))
	}
}

// text is what a part prints of bytes; missing: blanks instead.
func (p *dumpPart) text(b []byte, address int64, missing bool) string {
	switch {
	case p.kind == 0:
		return p.before
	case missing:
		return p.before + fmt.Sprintf("%"+p.width+"s", "") + p.after
	}
	spec := "%" + p.flags + p.width + p.precision
	var text string
	switch p.kind {
	case 'a':
		text = fmt.Sprintf(spec+string(p.verb), address)
	case 'c':
		text = padText(p, string([]byte{b[0]}))
	case 'd':
		text = fmt.Sprintf(spec+string(p.verb), signed(b, p.size))
	case 'u':
		text = fmt.Sprintf(spec+string(p.verb), unsigned(b, p.size))
	case 'f':
		text = floatText(p, spec, b)
	case 's':
		s, _, _ := bytes.Cut(b[:min(p.size, len(b))], []byte{0})
		text = padText(p, string(s))
	case 'C':
		text = padText(p, escapeName(b[0]))
	case 'P':
		text = padText(p, dotted(b[0]))
	case 'U':
		text = padText(p, asciiName(b[0]))
	}
	return p.before + text + p.after
}

// padText pads bytes, which need not be UTF-8.
func padText(p *dumpPart, text string) string {
	width := 0
	fmt.Sscan(p.width, &width)
	gap := strings.Repeat(" ", max(0, width-len(text)))
	if strings.Contains(p.flags, "-") {
		return text + gap
	}
	return gap + text
}

func unsigned(b []byte, size int) uint32 {
	switch size {
	case 1:
		return uint32(b[0])
	case 2:
		return uint32(binary.NativeEndian.Uint16(b))
	}
	return binary.NativeEndian.Uint32(b)
}

// signed: one byte has no sign, with busybox.
func signed(b []byte, size int) int32 {
	if size == 2 {
		return int32(int16(unsigned(b, 2)))
	}
	return int32(unsigned(b, size))
}

func floatText(p *dumpPart, spec string, b []byte) string {
	var v float64
	if p.size == 8 {
		v = math.Float64frombits(binary.NativeEndian.Uint64(b))
	} else {
		v = float64(math.Float32frombits(binary.NativeEndian.Uint32(b)))
	}
	word := ""
	switch {
	case math.IsNaN(v):
		word = "nan"
	case math.IsInf(v, 0):
		word = "inf"
	}
	if word != "" {
		if math.Signbit(v) {
			word = "-" + word
		}
		return padText(p, word)
	}
	if p.precision == "" {
		spec += ".6"
	}
	return fmt.Sprintf(spec+string(p.verb), v)
}

func dotted(b byte) string {
	if isPrint(b) {
		return string(rune(b))
	}
	return "."
}

// escapeName is a byte as C writes it: \n, 033.
func escapeName(b byte) string {
	if i := strings.IndexByte("\x00\a\b\f\n\r\t\v", b); i >= 0 {
		return `\` + `0abfnrtv`[i:i+1]
	}
	if isPrint(b) {
		return string(rune(b))
	}
	return fmt.Sprintf("%03o", b)
}

// asciiName is a byte by its name in ASCII; hexadecimal if it has none.
func asciiName(b byte) string {
	const names = "nulsohstxetxeotenqackbelbs ht lf vt ff cr so si dledcldc2dc3dc4naksynetbcanem subescfs gs rs us "
	switch {
	case b < ' ':
		return strings.TrimRight(names[3*int(b):3*int(b)+3], " ")
	case b == 0x7f:
		return "del"
	case b < 0x7f:
		return string(rune(b))
	}
	return fmt.Sprintf("%x", b)
}

// joined is files as one. What cannot be opened or read is said, and left out.
type joined struct {
	*command.Call
	names []string
	now   io.ReadCloser
	name  string
	some  bool // could be opened
}

// Read implements io.Reader.
func (j *joined) Read(p []byte) (int, error) {
	for {
		if j.now == nil {
			if len(j.names) == 0 {
				return 0, io.EOF
			}
			var err error
			j.name, j.names = j.names[0], j.names[1:]
			if j.now, err = j.Open(j.name); err != nil {
				j.now = nil
				j.Fail(err)
				continue
			}
			j.some = true
		}
		n, err := j.now.Read(p)
		if n > 0 || err == nil {
			return n, nil
		}
		if err != io.EOF {
			j.Fail(command.Named(j.name, err))
		}
		j.close()
	}
}

func (j *joined) close() {
	if j.now != nil {
		j.now.Close()
		j.now = nil
	}
}
