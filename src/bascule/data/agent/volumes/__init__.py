"""Volumes of a pod: `payload` says what files a volume holds (pure), `writer` puts them on disk
atomically, `mounts` prepares every volume and names what each container mounts where.
"""
