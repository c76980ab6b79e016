package proc

import "fmt"

// Terminal is the name under /dev of a terminal's number (Documentation/admin-guide/devices.txt of Linux); ""
// for none.
func (d Device) Terminal() string {
	major, minor := d.Major(), d.Minor()
	switch {
	case d == 0:
		return ""
	case major == 4 && minor < 64:
		return fmt.Sprintf("tty%d", minor)
	case major == 4:
		return fmt.Sprintf("ttyS%d", minor-64)
	case major == 5 && minor == 1:
		return "console"
	case major >= 136 && major <= 143:
		return fmt.Sprintf("pts/%d", (major-136)<<8+minor)
	case major == 204 && minor >= 64 && minor < 80:
		return fmt.Sprintf("ttyAMA%d", minor-64)
	case major == 229:
		return fmt.Sprintf("hvc%d", minor)
	default:
		return fmt.Sprintf("%d,%d", major, minor)
	}
}
