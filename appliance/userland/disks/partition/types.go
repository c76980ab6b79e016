package partition

// TypeName is what a type of a PC's partition is called.
func TypeName(kind byte) string {
	for _, t := range types() {
		if t.kind == kind {
			return t.name
		}
	}
	return "Unknown"
}

type typed struct {
	kind byte
	name string
}

func types() []typed {
	return []typed{
		{0x00, "Empty"}, {0x01, "FAT12"}, {0x04, "FAT16 <32M"}, {0x05, "Extended"}, {0x06, "FAT16"},
		{0x07, "HPFS/NTFS"}, {0x0a, "OS/2 Boot Manager"}, {0x0b, "Win95 FAT32"},
		{0x0c, "Win95 FAT32 (LBA)"}, {0x0e, "Win95 FAT16 (LBA)"}, {0x0f, "Win95 Ext'd (LBA)"},
		{0x11, "Hidden FAT12"}, {0x12, "Compaq diagnostics"}, {0x14, "Hidden FAT16 <32M"},
		{0x16, "Hidden FAT16"}, {0x17, "Hidden HPFS/NTFS"}, {0x1b, "Hidden Win95 FAT32"},
		{0x1c, "Hidden W95 FAT32 (LBA)"}, {0x1e, "Hidden W95 FAT16 (LBA)"}, {0x3c, "Part.Magic recovery"},
		{0x41, "PPC PReP Boot"}, {0x42, "SFS"}, {0x63, "GNU HURD or SysV"}, {0x80, "Old Minix"},
		{0x81, "Minix / old Linux"}, {0x82, "Linux swap"}, {0x83, "Linux"}, {0x84, "OS/2 hidden C: drive"},
		{0x85, "Linux extended"}, {0x86, "NTFS volume set"}, {0x87, "NTFS volume set"},
		{0x8e, "Linux LVM"}, {0x9f, "BSD/OS"}, {0xa0, "Thinkpad hibernation"}, {0xa5, "FreeBSD"},
		{0xa6, "OpenBSD"}, {0xa8, "Darwin UFS"}, {0xa9, "NetBSD"}, {0xab, "Darwin boot"},
		{0xaf, "HFS / HFS+"}, {0xb7, "BSDI fs"}, {0xb8, "BSDI swap"}, {0xbe, "Solaris boot"},
		{0xeb, "BeOS fs"}, {0xee, "EFI GPT"}, {0xef, "EFI (FAT-12/16/32)"}, {0xf0, "Linux/PA-RISC boot"},
		{0xf2, "DOS secondary"}, {0xfd, "Linux raid autodetect"},
	}
}
