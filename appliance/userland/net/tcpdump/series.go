package tcpdump

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/pcap"
)

// A series is the files of -w with -C or -G, as tcpdump(8) has them: by size they are file, file1, file2 …
// for ever, or with -W file0 … and round again, so that they never have more than that much of the disk; by
// time their names have it in them, and with -W there are so many.
type series struct {
	file  string
	size  int64         // above which a file takes no more packet; 0: any
	every time.Duration // 0: for ever
	files int           // -W; 0: any number

	count   int
	began   time.Time
	written int64
}

// million is the unit of -C, in bytes.
const million = 1_000_000

// Bytes of a file before its first packet, and before each (pcap-savefile(5)).
const (
	fileHeader   = 24
	packetHeader = 16
)

// errEnough is the end of a series.
var errEnough = errors.New("as many files as were asked for")

// read takes an option.
func (r *series) read(letter byte, text string) error {
	n, err := positive(text, 1<<31-1)
	switch letter {
	case 'C':
		r.size = int64(n) * million
	case 'G':
		r.every = time.Duration(n) * time.Second
	case 'W':
		r.files = n
	}
	return err
}

// check reports what makes no sense together.
func (r series) check() error {
	switch {
	case r.size == 0 && r.every == 0 && r.files == 0:
		return nil
	case r.file == "" || r.file == "-":
		return errors.New("-C, -G and -W are for files: expected -w FILE")
	case r.size > 0 && r.every > 0:
		return errors.New("expected one of -C and -G")
	case r.size == 0 && r.every == 0:
		return errors.New("-W: expected -C or -G with it")
	}
	return nil
}

// name is that of the present file.
func (r series) name() string {
	switch {
	case r.every > 0:
		return timeName(r.file, r.began)
	case r.size > 0 && r.files > 0:
		return fmt.Sprintf("%s%0*d", r.file, len(fmt.Sprint(r.files-1)), r.count)
	case r.count > 0:
		return fmt.Sprint(r.file, r.count)
	}
	return r.file
}

// timeName has a time in a name: %Y %m %d %H %M %S %F %T %s and %%, of strftime(3).
func timeName(name string, t time.Time) string {
	return strings.NewReplacer("%Y", t.Format("2006"), "%m", t.Format("01"), "%d", t.Format("02"), "%H",
		t.Format("15"), "%M", t.Format("04"), "%S", t.Format("05"), "%F", t.Format(time.DateOnly), "%T",
		t.Format(time.TimeOnly), "%s", fmt.Sprint(t.Unix()), "%%", "%").Replace(name)
}

// next reports whether a packet that comes now is for another file, which is the present one then; errEnough
// is that there is none.
func (r *series) next(now time.Time) (another bool, err error) {
	full := r.size > 0 && r.written > r.size
	late := r.every > 0 && now.Sub(r.began) >= r.every
	if !full && !late {
		return false, nil
	}
	r.count++
	switch {
	case late && r.files > 0 && r.count >= r.files:
		return false, errEnough
	case full && r.files > 0:
		r.count %= r.files
	}
	r.began, r.written = now, fileHeader
	return true, nil
}

// openSeries makes the file for -w, and those that follow it.
func openSeries(c *command.Call, s settings, k kind, snap uint32) (sink, error) {
	r := s.series
	r.began, r.written = time.Now(), fileHeader
	current, err := openFile(c, r.name(), s.flush, k, snap)
	if err != nil {
		return sink{}, err
	}
	return sink{
		put: func(p pcap.Packet) error {
			another, err := r.next(time.Now())
			if err == nil && another {
				if err = current.close(); err == nil {
					var next sink
					if next, err = openFile(c, r.name(), s.flush, k, snap); err == nil {
						current = next
					} else {
						current.close = func() error { return nil } // it is already
					}
				}
			}
			if err != nil {
				return err
			}
			r.written += packetHeader + int64(len(p.Data))
			return current.put(p)
		},
		close: func() error { return current.close() },
	}, nil
}
