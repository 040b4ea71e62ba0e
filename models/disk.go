package models

// DiskFree is how many bytes the disk of the database has left for us; isKnown is false where that is not ours to see.
func (s *Store) DiskFree() (bytes int64, isKnown bool) { return s.dialect.diskFree() }
