package proc

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// A Use is a file that a process has: one that is open, its directory, root, program, or what of files is in
// its memory.
type Use struct {
	As            string // "cwd", "rtd", "txt", "mem", or the number of a descriptor
	Mode          byte   // of a descriptor: r, w, u for both; else a blank
	Link          string // under /proc, which leads to the file; "" of memory
	Target        string // what the link says: a path, "socket:[7]", …
	Device, Inode uint64 // of memory, as stat(2) has them
}

// Uses are all files of a process. What may not be looked at is left out.
func Uses(fsys fs.FS, id int) []Use {
	dir := strconv.Itoa(id)
	var all []Use
	add := func(as, name string, mode byte) {
		link := path.Join(dir, name)
		if target, err := fs.ReadLink(fsys, link); err == nil {
			all = append(all, Use{As: as, Mode: mode, Link: link, Target: target})
		}
	}
	add("cwd", "cwd", ' ')
	add("rtd", "root", ' ')
	add("txt", "exe", ' ')
	program := ""
	if n := len(all); n > 0 && all[n-1].As == "txt" {
		program = all[n-1].Target
	}
	all = append(all, mapped(fsys, dir, program)...)
	numbers, err := numbers(fsys, path.Join(dir, "fd"))
	if err != nil {
		return all
	}
	for _, n := range numbers {
		name := path.Join("fd", strconv.Itoa(n))
		mode := byte(' ')
		if info, err := fs.Lstat(fsys, path.Join(dir, name)); err == nil {
			mode = "  wwrruu"[info.Mode().Perm()>>6&7]
		}
		add(strconv.Itoa(n), name, mode)
	}
	return all
}

// mapped are the files in the memory of a process, each once, but for its program.
func mapped(fsys fs.FS, dir, program string) (all []Use) {
	text, err := fs.ReadFile(fsys, path.Join(dir, "maps"))
	if err != nil {
		return nil
	}
	seen := map[[2]uint64]bool{}
	for line := range strings.Lines(string(text)) {
		// ADDRESSES PERMISSIONS OFFSET MAJOR:MINOR INODE PATH
		words := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 6)
		if len(words) < 6 {
			continue
		}
		major, minor, _ := strings.Cut(words[3], ":")
		ma, err := strconv.ParseUint(major, 16, 32)
		mi, err2 := strconv.ParseUint(minor, 16, 32)
		inode, err3 := strconv.ParseUint(words[4], 10, 64)
		target := strings.TrimLeft(words[5], " ")
		if err != nil || err2 != nil || err3 != nil || inode == 0 || target == program {
			continue
		}
		file := [2]uint64{MakeDevice(ma, mi), inode}
		if !seen[file] {
			seen[file] = true
			all = append(all, Use{As: "mem", Mode: ' ', Target: target, Device: file[0], Inode: inode})
		}
	}
	return all
}

// MakeDevice is a number of a device file as stat(2) has it.
func MakeDevice(major, minor uint64) uint64 {
	return minor&0xff | major&0xfff<<8 | minor&^0xff<<12 | major&^0xfff<<32
}
