//! Columns of sparse rows as gaps: of each row how many entries it has, then how far each column lies behind the one before.
//!
//! | first byte | number |
//! | --- | --- |
//! | 0 to 223 | the byte itself |
//! | 224 to 254 | 224 + 256 (byte - 224) + the next byte: up to 8,159 |
//! | 255 | the next three bytes, little-endian |
//!
//! A gap is the columns that are skipped: 0 for the very next one. The first one of a row counts from column 0, or where only what
//! lies above the diagonal is held from the column after the row. Most gaps are a byte, where an ordinal is two or three.

const ONE: u32 = 224;
const TWO: u32 = ONE + 31 * 256;
const MOST: u32 = 1 << 24;

/// The column that a row's first gap counts from.
fn first(row: usize, upper: bool) -> u32 {
    if upper { row as u32 + 1 } else { 0 }
}

fn length(number: u32) -> usize {
    if number < ONE { 1 } else if number < TWO { 2 } else { 4 }
}

/// Bytes of one row's columns, ascending.
pub fn row_bytes(row: usize, upper: bool, columns: impl Iterator<Item = u32>) -> usize {
    let (mut next, mut count, mut bytes) = (first(row, upper), 0, 0);
    for column in columns {
        bytes += length(column.saturating_sub(next));
        next = column + 1;
        count += 1;
    }
    bytes + length(count)
}

/// The bytes of all rows; columns ascend within a row, which `offsets` bound, and are below 2^24. Others are not read back as they were.
pub fn write(offsets: &[u32], columns: &[u32], upper: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(columns.len() + offsets.len());
    let mut put = |number: u32| match length(number) {
        1 => out.push(number as u8),
        2 => out.extend([(ONE + (number - ONE) / 256) as u8, ((number - ONE) % 256) as u8]),
        _ => out.extend([255, number as u8, (number >> 8) as u8, (number >> 16) as u8]),
    };
    for (row, pair) in offsets.windows(2).enumerate() {
        let row_columns = columns.get(pair[0] as usize..pair[1] as usize).unwrap_or_default();
        put(row_columns.len() as u32);
        let mut next = first(row, upper);
        for &column in row_columns {
            put(column.saturating_sub(next));
            next = column + 1;
        }
    }
    out
}

/// Offsets `[rows + 1]` and columns, ascending within a row and below `rows`; `None` for bytes that are not these.
pub fn read(bytes: &[u8], rows: usize, upper: bool) -> Option<(Vec<u32>, Vec<u32>)> {
    let mut rest = bytes.iter().map(|&byte| u32::from(byte));
    let mut take = || -> Option<u32> {
        let byte = rest.next()?;
        Some(match byte {
            255 => rest.next()? | rest.next()? << 8 | rest.next()? << 16,
            ONE.. => ONE + 256 * (byte - ONE) + rest.next()?,
            _ => byte,
        })
    };
    let mut offsets = vec![0];
    let mut columns = Vec::new();
    for row in 0..rows {
        let mut next = first(row, upper);
        for _ in 0..take()? {
            let column = next + take()?;
            if column as usize >= rows || column >= MOST {
                return None;
            }
            columns.push(column);
            next = column + 1;
        }
        offsets.push(columns.len() as u32);
    }
    take().is_none().then_some((offsets, columns))
}
