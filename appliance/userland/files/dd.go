package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

func blocks() map[string]command.Command {
	const help = `	if=FILE of=FILE	instead of standard input and output
	bs=N ibs=N obs=N	bytes of a block (512); of one that is read; written
	count=N	blocks that are copied
	skip=N seek=N	blocks left out of the input; of the output
	conv=notrunc	do not cut the output off
	conv=noerror,sync	go on after errors; fill blocks with zeros
	conv=fsync	until it is on the disk
	conv=swab	turn pairs of bytes
	iflag=skip_bytes,count_bytes,fullblock,direct
	oflag=seek_bytes,append,direct
	status=noxfer|none	no line of bytes at the end; no lines at all
N may have c 1, w 2, b 512, k 1024, kB 1000, M, MB, G, GB.
`
	return map[string]command.Command{"dd": {
		Usage: "[if=FILE] [of=FILE] [bs=N] [count=N] [skip=N] [seek=N] [conv=...]", Help: help, Raw: true,
		Run: dd,
	}}
}

// A copyJob is dd.
type copyJob struct {
	c             *command.Call
	ibs, obs      int
	count         uint64
	skip, seek    int64
	in, out       string
	flags         map[string]bool // notrunc, count, skip_bytes, idirect, …
	from, to      *os.File
	held          []byte // what is to be written, if blocks are of two sizes
	inFull, inOdd uint64
	full, odd     uint64
}

func dd(c *command.Call) {
	j := &copyJob{c: c, ibs: 512, obs: 512, flags: map[string]bool{}, from: os.Stdin, to: os.Stdout}
	for _, arg := range c.Args {
		if arg == "--" {
			continue
		}
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			c.Misused("%s: expected what=value", arg)
			return
		}
		known, err := j.set(key, value)
		if err != nil {
			c.Fail(err)
			return
		}
		if !known {
			c.Misused("%s: expected if, of, bs, ibs, obs, count, skip, seek, conv, iflag, oflag or status",
				key)
			return
		}
	}
	err := j.open()
	if err == nil {
		err = j.copy()
	}
	var write writeError
	if err != nil {
		c.Fail(err)
	}
	if (err == nil || errors.As(err, &write)) && !j.flags["none"] {
		j.report()
	}
}

// A writeError is one of writing, after which dd still says what it has copied.
type writeError struct{ error }

func (e writeError) Unwrap() error { return e.error }

// set takes one operand.
func (j *copyJob) set(key, value string) (known bool, err error) {
	switch key {
	case "if":
		j.in = value
	case "of":
		j.out = value
	case "bs", "ibs", "obs":
		n, err := number(value, blockSizes()...)
		const most = 1 << 40
		if err == nil && (n == 0 || n > most) {
			err = fmt.Errorf("%s=%s: expected a size of blocks", key, value)
		}
		if key != "obs" {
			j.ibs = int(n)
		}
		if key != "ibs" {
			j.obs = int(n)
		}
		return true, err
	case "count", "skip", "seek":
		n, err := number(value, blockSizes()...)
		switch key {
		case "count":
			j.count, j.flags["count"] = n, true
		case "skip":
			j.skip = int64(n)
		case "seek":
			j.seek = int64(n)
		}
		return true, err
	case "conv":
		return true, j.words(key, value, "", "notrunc", "sync", "noerror", "fsync", "swab")
	case "iflag":
		return true, j.words(key, value, "i", "skip_bytes", "count_bytes", "fullblock", "direct")
	case "oflag":
		return true, j.words(key, value, "o", "seek_bytes", "append", "direct")
	case "status":
		if value != "none" && value != "noxfer" {
			return true, fmt.Errorf("status=%s: expected none or noxfer", value)
		}
		j.flags[value] = true
	default:
		return false, nil
	}
	return true, nil
}

func (j *copyJob) words(key, value, prefix string, known ...string) error {
	for word := range strings.SplitSeq(value, ",") {
		found := false
		for _, k := range known {
			found = found || k == word
		}
		if !found {
			return fmt.Errorf("%s=%s: expected some of %s", key, word, strings.Join(known, ","))
		}
		j.flags[prefix+word] = true
	}
	return nil
}

// open opens both sides, and goes to where the copy begins.
func (j *copyJob) open() (err error) {
	if j.in != "" {
		how := os.O_RDONLY
		if j.flags["idirect"] {
			how |= unix.O_DIRECT
		}
		if j.from, err = os.OpenFile(j.in, how, 0); err != nil {
			return command.Cannot("open", j.in, err)
		}
	} else {
		j.in = "standard input"
	}
	unit := int64(j.obs)
	if j.flags["oseek_bytes"] {
		unit = 1
	}
	if j.out != "" {
		how := os.O_WRONLY | os.O_CREATE
		if j.seek == 0 && !j.flags["notrunc"] {
			how |= os.O_TRUNC
		}
		if j.flags["oappend"] {
			how |= os.O_APPEND
		}
		if j.flags["odirect"] {
			how |= unix.O_DIRECT
		}
		if j.to, err = os.OpenFile(j.out, how, 0o666); err != nil {
			return command.Cannot("open", j.out, err)
		}
		if j.seek != 0 && !j.flags["notrunc"] {
			if err := j.to.Truncate(j.seek * unit); err != nil {
				if info, statErr := j.to.Stat(); statErr != nil || info.Mode().IsRegular() || info.IsDir() {
					return command.Named(j.out, err)
				}
			}
		}
	} else {
		j.out = "standard output"
	}
	if err := j.leaveOut(); err != nil {
		return command.Named(j.in, err)
	}
	if j.seek != 0 {
		if _, err := unix.Seek(int(j.to.Fd()), j.seek*unit, io.SeekCurrent); err != nil {
			return command.Named(j.out, err)
		}
	}
	return nil
}

// leaveOut skips the beginning of the input.
func (j *copyJob) leaveOut() error {
	unit := int64(j.ibs)
	if j.flags["iskip_bytes"] {
		unit = 1
	}
	if j.skip == 0 {
		return nil
	}
	if _, err := unix.Seek(int(j.from.Fd()), j.skip*unit, io.SeekCurrent); err == nil {
		return nil
	}
	block := make([]byte, unit)
	for range j.skip {
		if n, err := j.read(block); err != nil || n == 0 {
			return err
		}
	}
	return nil
}

// read reads a block, or what there is of it; 0: the end.
func (j *copyJob) read(block []byte) (n int, err error) {
	if j.flags["ifullblock"] {
		n, err = io.ReadFull(j.from, block)
	} else {
		n, err = j.from.Read(block)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	if n == 0 && errors.Is(err, unix.EINVAL) && j.flags["idirect"] && j.undirect(j.from) {
		return j.read(block)
	}
	return n, err
}

// undirect takes O_DIRECT from a file, whose last block it does not let through.
func (j *copyJob) undirect(f *os.File) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_DIRECT == 0 {
		return false
	}
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, flags&^unix.O_DIRECT)
	return err == nil
}

// aligned is a buffer that begins where a page does, as O_DIRECT needs it.
func aligned(size int) ([]byte, error) {
	return unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
}

func (j *copyJob) copy() error {
	buffer, err := aligned(j.ibs)
	if err != nil {
		return fmt.Errorf("no memory for blocks of %d bytes: %w", j.ibs, err)
	}
	odd := 0 // the length of the last block, if it was
	for !j.flags["count"] || j.count > 0 {
		block := buffer
		if j.flags["icount_bytes"] && j.flags["count"] && j.count < uint64(len(block)) {
			block = block[:j.count]
		}
		n, err := j.read(block)
		switch {
		case err != nil && !j.flags["noerror"]:
			return command.Named(j.in, err)
		case err != nil:
			j.c.Warn(command.Named(j.in, err))
			if _, err := unix.Seek(int(j.from.Fd()), int64(j.ibs), io.SeekCurrent); err != nil {
				return command.Named(j.in, err)
			}
			n = 0
		case n == 0:
			return j.end()
		}
		if j.flags["swab"] {
			if odd%2 == 1 {
				return fmt.Errorf("%d bytes cannot be turned in pairs", odd)
			}
			odd = n
			for i := 0; i+1 < n; i += 2 {
				buffer[i], buffer[i+1] = buffer[i+1], buffer[i]
			}
		}
		if j.count--; j.flags["icount_bytes"] {
			j.count -= uint64(n) - 1
		}
		if err := j.block(buffer, n); err != nil {
			return err
		}
	}
	return j.end()
}

// block counts a block that was read, and writes it, or keeps it until there is enough.
func (j *copyJob) block(buffer []byte, n int) error {
	if n == j.ibs {
		j.inFull++
	} else {
		j.inOdd++
		if j.flags["sync"] {
			clear(buffer[n:])
			n = j.ibs
		}
	}
	if j.ibs == j.obs {
		return j.write(buffer[:n])
	}
	if j.held == nil {
		j.held = make([]byte, 0, j.obs)
	}
	for rest := buffer[:n]; len(rest) > 0; {
		some := min(len(rest), j.obs-len(j.held))
		j.held, rest = append(j.held, rest[:some]...), rest[some:]
		if len(j.held) == j.obs {
			if err := j.write(j.held); err != nil {
				return err
			}
			j.held = j.held[:0]
		}
	}
	return nil
}

func (j *copyJob) write(block []byte) error {
	n, err := j.to.Write(block)
	if n == 0 && errors.Is(err, unix.EINVAL) && j.flags["odirect"] && j.undirect(j.to) {
		n, err = j.to.Write(block)
	}
	if err != nil {
		return writeError{command.Named(j.out, err)}
	}
	if n == j.obs {
		j.full++
	} else {
		j.odd++
	}
	return nil
}

// end writes what is left, and sees that all is written.
func (j *copyJob) end() error {
	if len(j.held) > 0 {
		if err := j.write(j.held); err != nil {
			return err
		}
	}
	if j.flags["fsync"] {
		if err := j.to.Sync(); err != nil {
			return command.Named(j.out, err)
		}
	}
	return command.Named(j.out, j.to.Close())
}

func (j *copyJob) report() {
	fmt.Fprintf(j.c.Stderr, "%d+%d records in\n%d+%d records out\n", j.inFull, j.inOdd, j.full, j.odd)
}
