// Package leasefile is the lease journal on disk: the one way the leases of the
// DHCP service are stored, and the one way other processes learn of them.
//
// A journal is a text file of lines. The first says what it is:
//
//	gatehouse-leases 1
//
// Every other line is one record of seven fields, separated by single spaces:
//
//		bound 192.168.32.100 00:00:5e:00:53:21 2026-11-23T09:15:00Z 2026-11-23T21:15:00Z laptop 2845d36c
//
//	  - state: bound, free (expired or released), or declined (quarantined)
//	  - the IPv4 address
//	  - the card that has it, or had it last
//	  - since: when it was last acknowledged (declined: when that was)
//	  - until: bound: when the lease ends; free: when it became free; declined: end of the quarantine
//	  - the host name, "-" for none
//	  - CRC-32C of the line before the last space, in eight hex digits
//
// Times are RFC 3339 in UTC, with as many digits of the second as they need. The
// last record of an address counts; a lease that ended by time gets no record. All
// times of a file are by one clock, that of the machine when it was begun: a Rewrite
// dates them anew when that has been set.
//
// While the journal is in use NUL bytes follow, which terminals do not show: room for
// the records to come. A file system with a journal takes a third of the time to write
// where the file does not grow.
//
// Records are only ever appended. What Sync has returned nil for survives a power
// cut at any instant. A write that was cut off leaves a torn end, which Open cuts
// away; a damaged line elsewhere is skipped and reported, the rest is kept.
// A Rewrite replaces the file by a shorter one in one step, and is written while the
// journal goes on. A failing or full disk makes Sync fail; as soon as the disk works
// again, so does Sync.
package leasefile

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// The files in the directory.
const (
	Name        = "leases"
	nameNew     = "leases.new"     // a rewrite under way
	nameDamaged = "leases.damaged" // what was found under Name and is no journal
)

// room is how many NUL bytes are written at a time.
const room = 256 << 10

// A Journal is open for appending. It is not safe for concurrent use.
type Journal struct {
	fs      FS
	file    File
	size    int64  // of what is durable
	end     int64  // of the room after that, which is durable too
	records int    // of these
	pending []byte // appended, not yet written
	count   int    // records in pending
	spare   []byte // for pending, once these are taken
	torn    bool   // after size the file may hold anything
	renamed bool   // the name may not be durable yet
	ahead   time.Duration
}

// Ahead is by how much the times in the file are ahead of those that Append takes: 0, until it is dated anew
// by a Rewrite. All times of a file are dated alike, at any instant.
func (j *Journal) Ahead() time.Duration { return j.ahead }

// dated returns l by a clock that is ahead by so much.
func dated(l lease.Lease, ahead time.Duration) lease.Lease {
	l.Since, l.Until = l.Since.Add(ahead), l.Until.Add(ahead)
	return l
}

// Open opens the journal in fs, creates it if there is none, and calls each for
// every record in it. The summary tells what was damaged and what was cut off. A
// file in which not one line is good is put aside as leases.damaged. A journal
// of another version is left alone: ErrVersion.
func Open(fs FS, each func(lease.Lease)) (*Journal, Summary, error) {
	f, err := fs.Open(Name)
	if err != nil {
		return nil, Summary{}, fmt.Errorf("lease journal: %w", err)
	}
	s, err := Read(io.NewSectionReader(f, 0, math.MaxInt64), each)
	if err != nil {
		return nil, s, errors.Join(err, f.Close())
	}
	j := &Journal{fs: fs, file: f, size: s.Good, end: s.Good, records: s.Records, renamed: true}
	switch {
	case s.Good == 0:
		err = j.begin(s)
	case s.Size > s.Good:
		j.torn = true
		err = f.Truncate(s.Good)
	}
	if err != nil {
		return nil, s, errors.Join(fmt.Errorf("lease journal: %w", err), j.file.Close())
	}
	return j, s, nil
}

// begin starts a new journal. What is there instead, unless it is the first
// piece of a header, is kept for people to look at.
func (j *Journal) begin(s Summary) (err error) {
	if s.Size >= int64(len(header)) {
		if err := errors.Join(j.file.Close(), j.fs.Rename(Name, nameDamaged)); err != nil {
			return err
		}
		if j.file, err = j.fs.Open(Name); err != nil {
			return err
		}
	}
	j.pending = append(j.pending, header...)
	return j.Sync()
}

// Durable returns what is durable behind the offset from, 0 for all, for Read, and the
// offset of its end; their times are Ahead. It may be read in another goroutine, whatever becomes of the
// journal, but no Rewrite may be finished before that has ended, nor before the offset is used.
func (j *Journal) Durable(from int64) (records io.Reader, to int64) {
	return io.NewSectionReader(j.file, from, j.size-from), j.size
}

// Append adds records, which Sync or a Commit will make durable, all or none.
func (j *Journal) Append(records ...lease.Lease) {
	for _, l := range records {
		j.pending = appendRecord(j.pending, dated(l, j.ahead))
	}
	j.count += len(records)
}

// Sync makes all appended records durable. If it fails they are forgotten: the
// caller tells no client of them, and appends again what is true later on.
func (j *Journal) Sync() error {
	if len(j.pending) == 0 {
		return nil
	}
	c := j.Start()
	c.Run()
	return j.End(c)
}

// A Commit is a Sync in three steps, so that others can be appended meanwhile: Start
// takes what was appended so far, Run makes it durable, in a goroutine of its own, and
// End tells how that went. Between Start and End there is no other Sync, Start, or
// Finish.
type Commit struct {
	fs      FS
	file    File
	at, end int64 // where in the file, and where its room ends
	lines   []byte
	records int
	torn    bool // the file may hold anything from there on
	renamed bool // the name of the file may not be durable yet
	err     error
}

// Start takes the appended records.
func (j *Journal) Start() *Commit {
	c := &Commit{fs: j.fs, file: j.file, at: j.size, end: j.end, lines: j.pending, records: j.count,
		torn: j.torn, renamed: j.renamed}
	j.pending, j.spare, j.count = j.spare, nil, 0
	return c
}

// Run makes the records durable.
func (c *Commit) Run() { c.err = c.write() }

// write puts the lines after what is durable. After a failed fsync the kernel
// may hold pages for clean that never reached the disk; cutting the file and
// writing them anew makes them dirty again.
func (c *Commit) write() error {
	if c.torn {
		if err := c.file.Truncate(c.at); err != nil {
			return err
		}
		c.end = c.at
	}
	if c.at+int64(len(c.lines)) > c.end {
		return c.extend()
	}
	if _, err := c.file.WriteAt(c.lines, c.at); err != nil {
		return err
	}
	return c.file.Datasync()
}

// extend is a write where there is no room, with new room behind it.
func (c *Commit) extend() error {
	n := len(c.lines)
	c.lines = append(c.lines, make([]byte, room)...)
	c.end = c.at + int64(len(c.lines))
	_, err := c.file.WriteAt(c.lines, c.at)
	c.lines = c.lines[:n]
	if err != nil {
		return err
	}
	if err := c.file.Sync(); err != nil || !c.renamed {
		return err
	}
	return c.fs.Sync()
}

// End returns the error of Run. After one the records are forgotten, as by Sync.
func (j *Journal) End(c *Commit) error {
	j.spare, j.torn = c.lines[:0], c.err != nil
	if c.err != nil {
		return fmt.Errorf("lease journal: %w", c.err)
	}
	j.size, j.end = c.at+int64(len(c.lines)), c.end
	j.records += c.records
	j.renamed = false
	return nil
}

// Records returns the number of records in the file, outdated ones included.
func (j *Journal) Records() int { return j.records }

// Close closes the file. What was not synced is lost.
func (j *Journal) Close() error {
	_ = j.file.Truncate(j.size) // the room, for the looks of it
	return j.file.Close()
}
