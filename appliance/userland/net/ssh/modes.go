package ssh

import (
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// modesOf is how the terminal is set here, for the one there (RFC 4254, 8).
func modesOf(f *os.File) ssh.TerminalModes {
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return nil
	}
	modes := ssh.TerminalModes{ssh.TTY_OP_ISPEED: 38400, ssh.TTY_OP_OSPEED: 38400}
	for mode, index := range map[uint8]int{
		ssh.VINTR: unix.VINTR, ssh.VQUIT: unix.VQUIT, ssh.VERASE: unix.VERASE, ssh.VKILL: unix.VKILL,
		ssh.VEOF: unix.VEOF, ssh.VEOL: unix.VEOL, ssh.VEOL2: unix.VEOL2, ssh.VSTART: unix.VSTART,
		ssh.VSTOP: unix.VSTOP, ssh.VSUSP: unix.VSUSP, ssh.VREPRINT: unix.VREPRINT, ssh.VWERASE: unix.VWERASE,
		ssh.VLNEXT: unix.VLNEXT, ssh.VDISCARD: unix.VDISCARD,
	} {
		modes[mode] = uint32(t.Cc[index])
		if t.Cc[index] == 0 {
			modes[mode] = 255 // none
		}
	}
	for _, group := range []struct {
		set  uint32
		bits map[uint8]uint32
	}{
		{t.Iflag, map[uint8]uint32{
			ssh.IGNPAR: unix.IGNPAR, ssh.PARMRK: unix.PARMRK, ssh.INPCK: unix.INPCK, ssh.ISTRIP: unix.ISTRIP,
			ssh.INLCR: unix.INLCR, ssh.IGNCR: unix.IGNCR, ssh.ICRNL: unix.ICRNL, ssh.IXON: unix.IXON,
			ssh.IXANY: unix.IXANY, ssh.IXOFF: unix.IXOFF, ssh.IMAXBEL: unix.IMAXBEL, ssh.IUTF8: unix.IUTF8}},
		{t.Lflag, map[uint8]uint32{
			ssh.ISIG: unix.ISIG, ssh.ICANON: unix.ICANON, ssh.ECHO: unix.ECHO, ssh.ECHOE: unix.ECHOE,
			ssh.ECHOK: unix.ECHOK, ssh.ECHONL: unix.ECHONL, ssh.NOFLSH: unix.NOFLSH, ssh.TOSTOP: unix.TOSTOP,
			ssh.IEXTEN: unix.IEXTEN, ssh.ECHOCTL: unix.ECHOCTL, ssh.ECHOKE: unix.ECHOKE}},
		{t.Oflag, map[uint8]uint32{
			ssh.OPOST: unix.OPOST, ssh.ONLCR: unix.ONLCR, ssh.OCRNL: unix.OCRNL, ssh.ONOCR: unix.ONOCR,
			ssh.ONLRET: unix.ONLRET}},
	} {
		for mode, bit := range group.bits {
			modes[mode] = 0
			if group.set&bit != 0 {
				modes[mode] = 1
			}
		}
	}
	return modes
}
