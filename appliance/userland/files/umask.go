package files

import "golang.org/x/sys/unix"

// currentUmask reads the umask, which can only be read by setting it.
func currentUmask() uint32 {
	mask := unix.Umask(0)
	unix.Umask(mask)
	return uint32(mask)
}
