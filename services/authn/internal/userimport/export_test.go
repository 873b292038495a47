package userimport

// Bound makes a file of more than so many lines too long.
func (r *Reader) Bound(lines int) { r.most = lines }
