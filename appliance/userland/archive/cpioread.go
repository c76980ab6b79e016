package archive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A cpioReader takes out what is in an archive, or says what that is.
//
// Of a file with several names the last one has the content, and the others, which come before, have none:
// they wait for the end.
type cpioReader struct {
	*cpio
	from    *newcReader
	x       *extractor
	wanted  globs
	waiting []otherName
	made    map[inode]string // with content, by the name they have
}

// An otherName is one of a file without its content.
type otherName struct {
	file inode
	e    *entry
}

func (p *cpio) read(from io.Reader, dir string, patterns []string) error {
	r := &cpioReader{
		cpio: p, from: &newcReader{r: bufio.NewReaderSize(from, 64<<10)}, wanted: patterns,
		made: map[inode]string{}, x: &extractor{
			c: p.Call, dir: dir, parents: p.Has('d'), unlink: p.Has('u'), newer: !p.Has('u'), owners: true,
			numeric: true, modes: true, times: p.Has('m'),
		},
	}
	whole, err := r.all()
	r.x.finish(err == nil)
	if err == nil && whole && !p.Has(optQuiet) {
		if err := p.Stdout.Flush(); err == nil { // its error is said by whoever flushes last
			fmt.Fprintf(p.Stderr, "%d blocks\n", (r.from.read+511)/512)
		}
	}
	return err
}

// all reads the archive. whole: it has a trailer.
func (r *cpioReader) all() (whole bool, err error) {
	for err == nil {
		var n *newc
		if n, err = r.from.next(); err != nil {
			break
		}
		if n.name == trailer {
			whole = true
			break
		}
		err = r.one(n)
		if err == nil {
			err = r.Stdout.Err()
		}
	}
	if err == io.EOF && r.from.read == 0 {
		return false, errors.New("the archive is empty")
	}
	if err == io.EOF {
		err = nil
	}
	for i := len(r.waiting) - 1; i >= 0 && err == nil; i-- {
		err = r.again(r.waiting[i])
	}
	return whole, err
}

// one is a file of the archive, behind its header.
func (r *cpioReader) one(n *newc) error {
	content := r.from.content(n)
	e := &entry{
		name: safeName(n.name), mode: n.mode, uid: int(n.uid), gid: int(n.gid), size: int64(n.size),
		when: time.Unix(int64(n.time), 0), device: unix.Mkdev(n.major, n.minor),
	}
	if r.uid != nobodyInPlace {
		e.uid = r.uid
	}
	if r.gid != nobodyInPlace {
		e.gid = r.gid
	}
	if e.kind() == unix.S_IFLNK {
		if n.size > newcName {
			return fmt.Errorf("the archive is damaged: a link of %d bytes", n.size)
		}
		target, err := io.ReadAll(content)
		if err != nil {
			return cut(err)
		}
		e.link, e.size = string(bytes.TrimRight(target, "\x00")), 0
	}
	if n.links > 1 && e.kind() == unix.S_IFREG {
		file := inode{uint64(n.devMajor)<<32 | uint64(n.devMinor), uint64(n.inode)}
		if n.size == 0 && !r.Has('t') {
			if len(r.waiting) == maxWaiting {
				return errTooMany
			}
			r.waiting = append(r.waiting, otherName{file, e})
			return r.from.end(n, content)
		}
		r.made[file] = e.name
	}
	if r.Has('t') { // a name stands for a file that is whole
		if err := r.from.end(n, content); err != nil {
			return cut(err)
		}
		return r.take(e, content)
	}
	if leadsOut(n.name) {
		r.Fail(fmt.Errorf("%q leads out of the directory", n.name))
	} else if err := r.take(e, content); err != nil {
		return err
	}
	return cut(r.from.end(n, content))
}

// again makes another name, or the file, if it has no content at all.
func (r *cpioReader) again(n otherName) error {
	if e := *n.e; r.made[n.file] != "" {
		e.link = r.made[n.file]
		return r.take(&e, strings.NewReader(""))
	}
	r.made[n.file] = n.e.name
	return r.take(n.e, strings.NewReader(""))
}

// take does with an entry what was asked for.
func (r *cpioReader) take(e *entry, content io.Reader) error {
	if len(r.wanted) > 0 && !r.wanted.match(e.name) || e.name == "" {
		return nil
	}
	switch {
	case r.Has('t') && r.Has('v'):
		r.long(e)
		return nil
	case r.Has('t'):
		r.name(e)
		return nil
	case r.Has(optToStdout):
		if _, err := io.Copy(r.Stdout, content); err != nil {
			return cut(err)
		}
	default:
		if err := r.x.extract(e, content); err != nil {
			return err
		}
	}
	if r.Has('v') {
		r.name(e)
	}
	return nil
}
