package show

// iscsi shows the header of a PDU of iSCSI (RFC 7143 11), where a segment begins with one: it does not say
// whether it does.
func (d *dump) iscsi(v view) {
	name := map[int]string{0: "NOP-Out", 1: "SCSI Command", 2: "Task Management", 3: "Login Request",
		4: "Text Request", 5: "Data-Out", 6: "Logout Request", 0x10: "SNACK", 0x20: "NOP-In", 0x21: "SCSI Response",
		0x22: "Task Management Response", 0x23: "Login Response", 0x24: "Text Response", 0x25: "Data-In",
		0x26: "Logout Response", 0x31: "R2T", 0x32: "Async Message", 0x3f: "Reject"}[v.u8(0)&0x3f]
	if !v.has(48) || name == "" || v.u8(0)&0x80 != 0 {
		d.s(": iSCSI, data")
		return
	}
	d.f(": iSCSI, %s, itt 0x%08x, data %d", name, v.u32(16), v.u32(4)&0xffffff)
	switch v.u8(0) & 0x3f {
	case 1:
		d.f(", lun %d, cdb 0x%02x", v.u8(9), v.u8(32))
	case 0x21:
		d.f(", status 0x%02x", v.u8(3))
	case 0x23:
		d.f(", status 0x%04x", v.u16(36))
	}
}
