package ext2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A disk is a file system while it is written. Blocks are given out from the first to the last, skipping the
// groups' tables, and inodes too: so what is used in a group follows from two numbers, and no bitmap is kept.
type disk struct {
	geometry
	w    io.WriterAt
	opts Options

	next  int64 // no block from here on has been given out
	count int64 // how many have been

	journal [15]uint32 // blocks of the journal's inode
}

func (d *disk) time() uint32 { return uint32(d.opts.Time.Unix()) }

// alloc gives out the next block. Write has made sure before that there are enough.
func (d *disk) alloc() int64 {
	group := (d.next - d.firstBlock()) / d.groupSize()
	d.next = max(d.next, d.start(group)+d.overhead(group))
	d.next++
	d.count++
	return d.next - 1
}

// put writes whole blocks, leaving out those that hold nothing but zeros.
func (d *disk) put(block int64, data []byte) error {
	zeros := make([]byte, d.block)
	for ; len(data) > 0; block, data = block+1, data[d.block:] {
		if bytes.Equal(data[:d.block], zeros) {
			continue
		}
		if _, err := d.w.WriteAt(data[:d.block], block*d.block); err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) writeEntry(e *entry) error {
	before := d.count
	block := inlineBlock(e)
	if size := e.content(); size > 0 {
		r, err := e.open()
		if err != nil {
			return err
		}
		c := &contentWriter{disk: d, r: r, left: size, buf: make([]byte, d.block)}
		block, err = c.writeAll()
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
	}
	if e.ino == journalInode {
		d.journal = block
	}
	return d.putInode(e.ino, newInode(e, d.time(), block, (d.count-before)*d.block/512))
}

func (d *disk) putInode(ino uint32, node inode) error {
	raw, err := binary.Append(nil, binary.LittleEndian, node)
	if err != nil {
		return err
	}
	group, index := int64(ino-1)/d.groupInodes, int64(ino-1)%d.groupInodes
	_, err = d.w.WriteAt(raw, (d.bitmaps(group)+2)*d.block+index*inodeSize)
	return err
}

func (e *entry) open() (io.ReadCloser, error) {
	if e.data != nil {
		return io.NopCloser(bytes.NewReader(e.data)), nil
	}
	return e.Open()
}

// A contentWriter writes the data of one inode and the indirect blocks that lead to it, each before the
// blocks it names: the order in which the kernel will read them.
type contentWriter struct {
	*disk
	r    io.Reader
	left int64 // bytes
	buf  []byte
}

func (c *contentWriter) writeAll() (block [15]uint32, err error) {
	for i := 0; i < len(block) && c.left > 0; i++ {
		if block[i], err = c.write(max(0, i-(direct-1))); err != nil {
			return block, err
		}
	}
	switch _, err = io.ReadFull(c.r, c.buf[:1]); err {
	case io.EOF:
		return block, nil
	case nil:
		return block, errors.New("longer than its size in the tree")
	}
	return block, err
}

// write writes one block of data (depth 0) or an indirect block and all below it.
func (c *contentWriter) write(depth int) (uint32, error) {
	block := c.alloc()
	if depth == 0 {
		return uint32(block), c.writeData(block)
	}
	table := make([]byte, c.block)
	for i := int64(0); i < c.pointers() && c.left > 0; i++ {
		child, err := c.write(depth - 1)
		if err != nil {
			return 0, err
		}
		binary.LittleEndian.PutUint32(table[4*i:], child)
	}
	return uint32(block), c.put(block, table)
}

func (c *contentWriter) writeData(block int64) error {
	n := min(c.left, c.block)
	clear(c.buf[n:])
	if _, err := io.ReadFull(c.r, c.buf[:n]); err != nil {
		return fmt.Errorf("shorter than its size in the tree: %w", err)
	}
	c.left -= n
	return c.put(block, c.buf)
}
