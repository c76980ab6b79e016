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
// last record of an address counts; a lease that ended by time gets no record.
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

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// The files in the directory.
const (
	Name        = "leases"
	nameNew     = "leases.new"     // a rewrite under way
	nameDamaged = "leases.damaged" // what was found under Name and is no journal
)

// A Journal is open for appending. It is not safe for concurrent use.
type Journal struct {
	fs      FS
	file    File
	size    int64  // of what is durable
	records int    // of these
	pending []byte // appended, not yet written
	count   int    // records in pending
	torn    bool   // after size the file may hold anything
	renamed bool   // the name may not be durable yet
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
	j := &Journal{fs: fs, file: f, size: s.Good, records: s.Records, renamed: true}
	switch {
	case s.Good == 0:
		err = j.begin(s)
	case s.Torn() > 0:
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

// Append adds records, which Sync will make durable, all or none.
func (j *Journal) Append(records ...lease.Lease) {
	for _, l := range records {
		j.pending = appendRecord(j.pending, l)
	}
	j.count += len(records)
}

// Sync makes all appended records durable. If it fails they are forgotten: the
// caller tells no client of them, and appends again what is true later on.
func (j *Journal) Sync() error {
	if len(j.pending) == 0 {
		return nil
	}
	err := j.write()
	if err == nil {
		j.size += int64(len(j.pending))
		j.records += j.count
		j.torn = false
	}
	j.pending, j.count = j.pending[:0], 0
	if err != nil {
		return fmt.Errorf("lease journal: %w", err)
	}
	return nil
}

// write puts pending after what is durable. After a failed fsync the kernel
// may hold pages for clean that never reached the disk; cutting the file and
// writing them anew makes them dirty again.
func (j *Journal) write() error {
	if j.torn {
		if err := j.file.Truncate(j.size); err != nil {
			return err
		}
	}
	j.torn = true
	if _, err := j.file.WriteAt(j.pending, j.size); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	return j.settle()
}

// settle makes the name of the file durable if it may not be.
func (j *Journal) settle() error {
	if !j.renamed {
		return nil
	}
	if err := j.fs.Sync(); err != nil {
		return err
	}
	j.renamed = false
	return nil
}

// Records returns the number of records in the file, outdated ones included.
func (j *Journal) Records() int { return j.records }

// Close closes the file. What was not synced is lost.
func (j *Journal) Close() error { return j.file.Close() }
