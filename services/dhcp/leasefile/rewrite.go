package leasefile

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A Rewrite is a shorter journal that is written beside the one in use: of each
// address the last record, if it is worth keeping, dated by the clock of today.
//
// Begin starts it, Run does the work, in a goroutine of its own while the journal
// goes on, and Finish puts it in the place of the journal. A power cut at any instant
// leaves one or the other. At most one is under way at a time.
type Rewrite struct {
	fs      FS
	old     File
	upTo    int64 // of old, what this has
	seen    int   // records in that
	keep    func(lease.Lease) bool
	was     time.Duration // by how much times are ahead in the old file
	ahead   time.Duration // and in the new one
	file    File
	size    int64
	records int
}

// Begin starts to rewrite the journal as it is on disk now, with times that are ahead by
// so much. Records for which keep returns false are left out; it is called by Run, with
// leases as Append takes them.
func (j *Journal) Begin(ahead time.Duration, keep func(lease.Lease) bool) *Rewrite {
	return &Rewrite{fs: j.fs, old: j.file, upTo: j.size, seen: j.records, keep: keep, was: j.ahead,
		ahead: ahead}
}

// Run writes the new file and makes it durable. If it fails, or ctx ends, there is
// nothing to finish, and the space is given back.
func (r *Rewrite) Run(ctx context.Context) error {
	f, err := r.fs.Open(nameNew)
	if err != nil {
		return fmt.Errorf("rewrite lease journal: %w", err)
	}
	r.file = f
	if err := r.fill(ctx); err != nil {
		return fmt.Errorf("rewrite lease journal: %w", errors.Join(err, r.Abandon()))
	}
	return nil
}

// fill reads the old journal twice: to see which record of each address is the
// last, and to copy these.
func (r *Rewrite) fill(ctx context.Context) error {
	if err := r.file.Truncate(0); err != nil {
		return err
	}
	last, n := make(map[uint32]int), 0
	if err := r.read(ctx, 0, func(l lease.Lease) error { n++; last[key(l)] = n; return nil }); err != nil {
		return err
	}
	w := writer{file: r.file, buf: append(make([]byte, 0, chunk+maxLine), header...)}
	n = 0
	err := r.read(ctx, 0, func(l lease.Lease) error {
		if n++; last[key(l)] != n || !r.keep(l) {
			return nil
		}
		r.records++
		w.buf = appendRecord(w.buf, dated(l, r.ahead))
		return w.flush(chunk)
	})
	return r.end(&w, err)
}

// end concludes what was read and written.
func (r *Rewrite) end(w *writer, err error) error {
	err = errors.Join(err, w.flush(0))
	r.size = w.size
	if err != nil {
		return err
	}
	return r.file.Sync()
}

func key(l lease.Lease) uint32 {
	b := l.Addr.As4()
	return binary.BigEndian.Uint32(b[:])
}

// read calls each for every record of the old journal behind an offset, until it fails or ctx ends.
func (r *Rewrite) read(ctx context.Context, from int64, each func(lease.Lease) error) error {
	var failed error
	in := stopper{io.NewSectionReader(r.old, from, r.upTo-from), func() error {
		return cmp.Or(failed, ctx.Err())
	}}
	_, err := readFrom(in, from, func(l lease.Lease) {
		if failed == nil {
			failed = each(dated(l, -r.was))
		}
	})
	return cmp.Or(failed, err)
}

// A stopper is a Reader that fails when stop says so.
type stopper struct {
	io.Reader
	stop func() error
}

// Read implements io.Reader.
func (s stopper) Read(p []byte) (int, error) {
	if err := s.stop(); err != nil {
		return 0, err
	}
	return s.Reader.Read(p)
}

const chunk = 256 << 10

// A writer collects bytes for a file.
type writer struct {
	file File
	buf  []byte
	size int64
}

// flush writes what there is if it is more than n bytes.
func (w *writer) flush(n int) error {
	if len(w.buf) <= n {
		return nil
	}
	_, err := w.file.WriteAt(w.buf, w.size)
	w.size += int64(len(w.buf))
	w.buf = w.buf[:0]
	return err
}

// Finish adds what was appended since Begin to the new journal and puts it in the
// place of the old one. It waits for one sync, of those records alone. If it fails
// the old file goes on. Nothing that was appended waits for a Sync.
func (j *Journal) Finish(r *Rewrite) error {
	err := r.catchUp(j.size)
	if err == nil {
		err = j.fs.Rename(nameNew, Name)
	}
	if err != nil {
		return fmt.Errorf("rewrite lease journal: %w", errors.Join(err, r.Abandon()))
	}
	old, named := j.file, j.fs.Sync()
	j.file, j.size, j.end, j.records = r.file, r.size, r.size, r.records+j.records-r.seen
	j.torn, j.renamed, j.ahead = false, named != nil, r.ahead
	if err := errors.Join(old.Close(), named); err != nil {
		return fmt.Errorf("rewrite lease journal: %w", err)
	}
	return nil
}

// catchUp copies the old journal from where r was begun up to its end.
func (r *Rewrite) catchUp(end int64) error {
	from := r.upTo
	if end == from {
		return nil
	}
	r.upTo = end
	w := writer{file: r.file, size: r.size}
	return r.end(&w, r.read(context.Background(), from, func(l lease.Lease) error {
		w.buf = appendRecord(w.buf, dated(l, r.ahead))
		return w.flush(chunk)
	}))
}

// Abandon gives up a Rewrite that Run has written, and its space: on a full disk
// that is what the appends need.
func (r *Rewrite) Abandon() error { return errors.Join(r.file.Truncate(0), r.file.Close()) }
