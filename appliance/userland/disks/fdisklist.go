package disks

import (
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/disks/partition"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// head says how large a disk is.
func (d disk) head(w io.Writer) {
	size, unit := d.sectors/2048, 'M'
	if size >= 10000 {
		size, unit = (size+512)/1024, 'G'
	}
	fmt.Fprintf(w, "Disk %s: %d %cB, %d bytes, %d sectors\n", d.name, size, unit, d.sectors*512, d.sectors)
	fmt.Fprintf(w, "%d cylinders, %d heads, %d sectors/track\n", d.cylinders, d.heads, d.perHead)
	fmt.Fprintf(w, "Units: sectors of 1 * %d = %d bytes\n\n", d.sectorSize, d.sectorSize)
}

// list prints a PC's table.
func (d disk) list(w io.Writer, t partition.Table) {
	d.head(w)
	width, infix := len(d.name), ""
	if endsInDigit(d.name) {
		width, infix = width+1, "p"
	}
	width = max(width, 7)
	const columns = "Boot StartCHS    EndCHS        StartLBA     EndLBA    Sectors  Size Id Type"
	fmt.Fprintf(w, "%-*s %s\n", width-1, "Device", columns)
	for i, p := range t.Parts {
		if p.Empty() {
			continue
		}
		fmt.Fprintf(w, "%*s%s%-2d%s %-11s %-11s ", width-len(infix), d.name, infix, i+1, bootMark(p.Boot),
			place(p.Start), place(p.End))
		fmt.Fprintf(w, "%10d %10d %10d %s %2x %s\n", p.First, max(p.First+p.Sectors, p.First+1)-1, p.Sectors,
			brief(p.Sectors*uint64(d.sectorSize)), p.Type, partition.TypeName(p.Type))
		if i < 4 {
			d.check(w, i+1, p)
		}
	}
	if !ordered(t.Parts) {
		fmt.Fprintln(w, "\nPartition table entries are not in disk order")
	}
}

func bootMark(boot byte) string {
	switch boot {
	case 0:
		return "  "
	case 0x80:
		return "* "
	}
	return fmt.Sprintf("%02x", boot)
}

func place(c partition.CHS) string { return fmt.Sprintf("%d,%d,%d", c.Cylinder, c.Head, c.Sector) }

// check says where the two ways to say where a partition is do not agree, on disks for which both are good.
func (d disk) check(w io.Writer, number int, p partition.Part) {
	if d.cylinders > 1024 || d.heads == 0 || d.perHead == 0 {
		return
	}
	for _, edge := range []struct {
		name   string
		said   partition.CHS
		sector uint64
	}{{"start (non-Linux?)", p.Start, p.First}, {"end", p.End, p.First + p.Sectors - 1}} {
		sector := uint64(uint32(edge.sector))
		perCylinder := d.heads * d.perHead
		is := partition.CHS{
			Cylinder: int(sector / perCylinder), Head: int(sector % perCylinder / d.perHead),
			Sector: int(sector%d.perHead) + 1,
		}
		if is != edge.said {
			fmt.Fprintf(w, "Partition %d has different physical/logical %s:\n", number, edge.name)
			fmt.Fprintf(w, "     phys=(%s) logical=(%s)\n", place(edge.said), place(is))
		}
	}
}

// ordered reports whether the primary partitions, and the logical ones, stand as they follow each other on
// the disk.
func ordered(parts []partition.Part) bool {
	last := uint64(0)
	for i, p := range parts {
		if i == 4 {
			last = 0
		}
		if p.Type == 0 {
			continue
		}
		if p.First < last {
			return false
		}
		last = p.First
	}
	return true
}

// listGPT prints the other kind of table.
func (d disk) listGPT(c *command.Call, g partition.GPT) {
	w := c.Stdout
	if g.HeaderDamaged || g.EntriesDamaged {
		c.Warn(fmt.Errorf("%s: the checksum of its GPT is wrong", d.name))
	} else {
		fmt.Fprint(w, "Found valid GPT with protective MBR; using GPT\n\n")
	}
	fmt.Fprintf(w, "Disk %s: %d sectors, %s\n", d.name, d.sectors, brief(d.sectors*uint64(d.sectorSize)))
	fmt.Fprintf(w, "Logical sector size: %d\n", d.sectorSize)
	fmt.Fprintf(w, "Disk identifier (GUID): %s\n", g.ID)
	fmt.Fprintf(w, "Partition table holds up to %d entries\n", g.Entries)
	fmt.Fprintf(w, "First usable sector is %d, last usable sector is %d\n\n", g.First, g.Last)
	fmt.Fprintln(w, "Number  Start (sector)    End (sector)  Size Name")
	for _, p := range g.Parts {
		size := brief((1 + p.Last - p.First) * uint64(d.sectorSize))
		fmt.Fprintf(w, "%6d %15d %15d %s %s\n", p.Number, p.First, p.Last, size, printable.String(p.Name))
	}
}

// brief is a number of bytes in five characters.
func brief(n uint64) string {
	if n <= 99999 {
		return fmt.Sprintf("%5d", n)
	}
	tenths, unit := n/1024*10+n%1024*10/1024, 1
	for tenths >= 100000 {
		tenths, unit = tenths/1024, unit+1
	}
	letter := " KMGTPEZY"[unit]
	if tenths >= 1000 {
		return fmt.Sprintf("%4d%c", tenths/10, letter)
	}
	return fmt.Sprintf("%2d.%d%c", tenths/10, tenths%10, letter)
}
