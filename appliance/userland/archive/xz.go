package archive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/mikelolasagasti/xz"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const (
	largestWindow = 64 << 20 // bytes: what `xz -9` asks for, and what busybox reads
	leastWindow   = 8 << 20  // of xz as it is called without a level
)

func newUnxz(r *bufio.Reader) (io.Reader, error) { return unxz(r, window()) }

// window is how many bytes of memory the last bytes of a stream may take: a half of what the machine has to
// give.
func window() int64 { return min(max(command.AvailableMemory()/2, leastWindow), largestWindow) }

// An unxzer reads .xz files. A stream may ask for a larger window than there is memory for, and have less in
// it, as small files do that `xz -9` has made: so the memory counts that is used, which is never more than
// what was read.
type unxzer struct {
	z     *xz.Reader
	limit int64 // bytes of the stream that there is memory for; -1: for the whole window
	read  int64
}

func unxz(r *bufio.Reader, window int64) (io.Reader, error) {
	u := &unxzer{limit: -1}
	const header = 12 + 1024 // of the stream, and of its first block: what the first byte of the stream needs
	begin, _ := r.Peek(header)
	probe, err := xz.NewReader(bytes.NewReader(begin), uint32(window))
	if err == nil {
		_, err = probe.Read(make([]byte, 1))
	}
	if errors.Is(err, xz.ErrMemlimit) {
		u.limit, window = window, largestWindow
	}
	if u.z, err = xz.NewReader(r, uint32(window)); err != nil {
		return nil, unxzError(err)
	}
	return u, nil
}

// Read implements io.Reader.
func (u *unxzer) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	u.read += int64(n)
	if u.limit >= 0 && u.read > u.limit {
		return 0, fmt.Errorf("unpacking it takes more than the %d MB of memory that are left for it",
			u.limit>>20)
	}
	return n, unxzError(err)
}

func unxzError(err error) error {
	switch {
	case errors.Is(err, xz.ErrMemlimit):
		return errors.New("unpacking it takes more memory than there is for it")
	case errors.Is(err, xz.ErrBuf), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("cut off, or damaged")
	}
	return err
}
