package sftp

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// stat is of what links lead to; with kindLstat of a link.
func (s *server) stat(r *request) error {
	if f := s.uploading(r.path); f != nil {
		return s.attributes(r, func(st *unix.Stat_t) error { return unix.Fstat(int(f.OS.Fd()), st) })
	}
	look := unix.Stat
	if r.kind == kindLstat {
		look = unix.Lstat
	}
	return s.attributes(r, func(st *unix.Stat_t) error { return look(r.path, st) })
}

func (s *server) fstat(r *request) error {
	h, err := s.handle(r)
	if err != nil {
		return err
	}
	return s.attributes(r, func(st *unix.Stat_t) error { return unix.Fstat(int(h.Fd()), st) })
}

func (s *server) attributes(r *request, look func(*unix.Stat_t) error) error {
	var st unix.Stat_t
	if err := look(&st); err != nil {
		return err
	}
	s.to(r, kindAttrs)
	s.reply = attributesOf(&st).append(s.reply)
	return nil
}

// setstat sets what the request has, all that can be.
func (s *server) setstat(r *request) error {
	if f := s.uploading(r.path); f != nil {
		return set(fmt.Sprintf("/proc/self/fd/%d", f.OS.Fd()), r.attrs)
	}
	return set(r.path, r.attrs)
}

func (s *server) fsetstat(r *request) error {
	h, err := s.handle(r)
	if err != nil {
		return err
	}
	return set(fmt.Sprintf("/proc/self/fd/%d", h.Fd()), r.attrs)
}

// set sets attributes; the owner goes before the mode, of which chown(2) takes bits away.
func set(path string, a attributes) error {
	var errs []error
	if a.flags&hasSize != 0 {
		errs = append(errs, unix.Truncate(path, int64(a.size)))
	}
	if a.flags&hasOwner != 0 {
		errs = append(errs, unix.Chown(path, int(a.uid), int(a.gid)))
	}
	if a.flags&hasMode != 0 {
		errs = append(errs, unix.Chmod(path, a.mode&permissions))
	}
	if a.flags&hasTimes != 0 {
		errs = append(errs, unix.UtimesNanoAt(unix.AT_FDCWD, path, a.times(), 0))
	}
	return errors.Join(errs...)
}

// setLink is set for a link itself, which has no size to be set.
func setLink(path string, a attributes) error {
	var errs []error
	if a.flags&hasSize != 0 {
		errs = append(errs, unix.EINVAL)
	}
	if a.flags&hasOwner != 0 {
		errs = append(errs, unix.Lchown(path, int(a.uid), int(a.gid)))
	}
	if a.flags&hasMode != 0 {
		errs = append(errs, chmodLink(path, a.mode&permissions))
	}
	if a.flags&hasTimes != 0 {
		errs = append(errs, unix.UtimesNanoAt(unix.AT_FDCWD, path, a.times(), unix.AT_SYMLINK_NOFOLLOW))
	}
	return errors.Join(errs...)
}

// chmodLink is chmod(2) of what is no link, since a link has no mode.
func chmodLink(path string, mode uint32) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return unix.EOPNOTSUPP
	}
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode)
}
