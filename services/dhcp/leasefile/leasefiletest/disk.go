// Package leasefiletest is a disk in memory for tests: it forgets on a power cut
// what was not synced, fills up, and fails on demand, as the worst real disk may.
// It keeps to leasefile.FS and is safe for concurrent use.
package leasefiletest

import (
	"cmp"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

// A Disk is a directory. The zero Disk is empty, has no limit and does not fail.
type Disk struct {
	mu    sync.Mutex
	names map[string]*data // as a running system sees it
	kept  map[string]*data // as after a power cut
	limit int              // bytes in all files; 0: no limit
	fail  error            // of every write and sync
	fsync error            // of every sync
	slow  time.Duration    // every sync
	syncs int
}

// data is the contents of a file. The bytes before dirty count as written back,
// whether they were or not.
type data struct {
	now, kept []byte
	dirty     int
}

// keep writes back what is dirty.
func (f *data) keep() {
	b := make([]byte, len(f.now))
	copy(b, f.kept)
	copy(b[f.dirty:], f.now[f.dirty:])
	f.kept, f.dirty = b, len(b)
}

// keepWithin writes back what is dirty, but not a new size.
func (f *data) keepWithin() {
	n := min(len(f.now), len(f.kept))
	if f.dirty < n {
		f.kept = slices.Concat(f.kept[:f.dirty], f.now[f.dirty:n], f.kept[n:])
	}
	f.dirty = max(f.dirty, n)
}

// afterCut returns what is found after a power cut: of what is not written back
// nothing, or any part of it, sector by sector.
func (f *data) afterCut(r *rand.Rand) []byte {
	b := slices.Clone(f.kept)
	if r.IntN(3) == 0 {
		return b
	}
	const sector = 512
	for at := f.dirty; at < min(len(b), len(f.now)); at = (at/sector + 1) * sector {
		if r.IntN(2) == 0 {
			copy(b[at:min(len(b), (at/sector+1)*sector)], f.now[at:])
		}
	}
	if len(f.now) > len(b) && slices.Equal(f.now[:len(b)], b) {
		b = append(b, f.now[len(b):len(b)+r.IntN(len(f.now)-len(b)+1)]...)
	}
	return b
}

// Fail makes every write, truncation and sync return err; nil ends that. What a
// failed sync did not write back later syncs do not either, unless it is written
// again: that is how Linux treats a failed writeback.
func (d *Disk) Fail(err error) { d.mu.Lock(); defer d.mu.Unlock(); d.fail = err }

// FailSync makes only the syncs of file contents fail.
func (d *Disk) FailSync(err error) { d.mu.Lock(); defer d.mu.Unlock(); d.fsync = err }

// Slow makes every sync of file contents take that long.
func (d *Disk) Slow(syncs time.Duration) { d.mu.Lock(); defer d.mu.Unlock(); d.slow = syncs }

// Limit makes the disk full at n bytes; 0 ends that.
func (d *Disk) Limit(n int) { d.mu.Lock(); defer d.mu.Unlock(); d.limit = n }

// Syncs returns how often file contents were synced.
func (d *Disk) Syncs() int { d.mu.Lock(); defer d.mu.Unlock(); return d.syncs }

// Bytes returns the contents of a file as a running system sees them.
func (d *Disk) Bytes(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.names[name]; f != nil {
		return slices.Clone(f.now)
	}
	return nil
}

// Put replaces the contents of a file, durably.
func (d *Disk) Put(name string, b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.init()
	f := &data{now: slices.Clone(b), kept: slices.Clone(b), dirty: len(b)}
	d.names[name], d.kept[name] = f, f
}

// PowerCut returns the disk as it is found after a power cut at this instant. Of
// what was not synced each file keeps, as r decides, nothing, all, or a part.
func (d *Disk) PowerCut(r *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := new(Disk)
	after.init()
	for name, f := range d.kept {
		b := f.afterCut(r)
		g := &data{now: slices.Clone(b), kept: b, dirty: len(b)}
		after.names[name], after.kept[name] = g, g
	}
	return after
}

func (d *Disk) init() {
	if d.names == nil {
		d.names, d.kept = make(map[string]*data), make(map[string]*data)
	}
}

// Open implements leasefile.FS.
func (d *Disk) Open(name string) (leasefile.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.init()
	if d.names[name] == nil {
		if d.fail != nil {
			return nil, &os.PathError{Op: "open", Path: name, Err: d.fail}
		}
		d.names[name] = new(data)
	}
	return &file{disk: d, data: d.names[name]}, nil
}

// Rename implements leasefile.FS.
func (d *Disk) Rename(oldName, newName string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	d.names[newName] = d.names[oldName]
	delete(d.names, oldName)
	return nil
}

// Sync implements leasefile.FS.
func (d *Disk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	clear(d.kept)
	for name, f := range d.names {
		d.kept[name] = f
	}
	return nil
}

type file struct {
	disk *Disk
	data *data
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if off >= int64(len(f.data.now)) {
		return 0, io.EOF
	}
	n := copy(p, f.data.now[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements io.WriterAt. On a full disk it writes what fits.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.fail != nil {
		return 0, f.disk.fail
	}
	var full error
	if f.disk.limit > 0 {
		room := f.disk.limit - int(off)
		for _, other := range f.disk.names {
			if other != f.data {
				room -= len(other.now)
			}
		}
		if room < len(p) {
			p, full = p[:max(0, room)], syscall.ENOSPC
		}
	}
	if end := int(off) + len(p); end > len(f.data.now) {
		f.data.now = append(f.data.now, make([]byte, end-len(f.data.now))...)
	}
	copy(f.data.now[off:], p)
	f.data.dirty = min(f.data.dirty, int(off))
	return len(p), full
}

// Truncate implements leasefile.File.
func (f *file) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.fail != nil {
		return f.disk.fail
	}
	f.data.now = f.data.now[:size]
	f.data.dirty = min(f.data.dirty, int(size))
	return nil
}

// Sync implements leasefile.File.
func (f *file) Sync() error { return f.sync(f.data.keep) }

// Datasync implements leasefile.File, as little of it as it promises.
func (f *file) Datasync() error { return f.sync(f.data.keepWithin) }

func (f *file) sync(keep func()) error {
	f.disk.mu.Lock()
	slow := f.disk.slow
	f.disk.mu.Unlock()
	time.Sleep(slow)
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.syncs++
	if err := cmp.Or(f.disk.fail, f.disk.fsync); err != nil {
		f.data.dirty = len(f.data.now)
		return err
	}
	keep()
	return nil
}

// Close implements leasefile.File.
func (f *file) Close() error { return nil }
