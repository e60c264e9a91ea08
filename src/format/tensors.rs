//! The one container of the crate: named tensors with metadata, as a safetensors file.
//!
//! What the tensors mean is the business of [`super::pack`] (models) and of the index's formats.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use safetensors::tensor::{SafeTensors, TensorView, serialize};

use crate::error::{Error, Result};

/// The one `__metadata__` entry that we write: all of ours as a JSON object, so that its order is fixed.
const METADATA_KEY: &str = "palate";

/// Number types that a tensor of ours may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DType {
    U8,
    I8,
    U32,
    I32,
    F16,
    BF16,
    F32,
    I64,
    F64,
}

impl DType {
    /// Size of one element in bytes.
    pub fn size(self) -> usize {
        match self {
            DType::U8 | DType::I8 => 1,
            DType::F16 | DType::BF16 => 2,
            DType::U32 | DType::I32 | DType::F32 => 4,
            DType::I64 | DType::F64 => 8,
        }
    }

    fn from_file(dtype: safetensors::Dtype) -> Option<Self> {
        use safetensors::Dtype as D;
        Some(match dtype {
            D::U8 => DType::U8,
            D::I8 => DType::I8,
            D::U32 => DType::U32,
            D::I32 => DType::I32,
            D::F16 => DType::F16,
            D::BF16 => DType::BF16,
            D::F32 => DType::F32,
            D::I64 => DType::I64,
            D::F64 => DType::F64,
            _ => return None,
        })
    }

    fn to_file(self) -> safetensors::Dtype {
        use safetensors::Dtype as D;
        match self {
            DType::U8 => D::U8,
            DType::I8 => D::I8,
            DType::U32 => D::U32,
            DType::I32 => D::I32,
            DType::F16 => D::F16,
            DType::BF16 => D::BF16,
            DType::F32 => D::F32,
            DType::I64 => D::I64,
            DType::F64 => D::F64,
        }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    dtype: DType,
    shape: Vec<usize>,
    start: usize,
    end: usize,
}

/// A parsed container that owns (shares) its bytes.
#[derive(Debug, Clone)]
pub struct TensorFile {
    what: String,
    bytes: Arc<Vec<u8>>,
    metadata: BTreeMap<String, String>,
    entries: BTreeMap<String, Entry>,
}

/// One tensor of a [`TensorFile`]: cheap to clone, keeps the file's bytes alive.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub dtype: DType,
    /// Row-major.
    pub shape: Vec<usize>,
    bytes: Arc<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Tensor {
    /// Int8 numbers in memory of their own.
    pub fn i8(shape: &[usize], values: Vec<i8>) -> Self {
        let bytes: Vec<u8> = values.into_iter().map(|v| v as u8).collect();
        Self { dtype: DType::I8, shape: shape.to_vec(), start: 0, end: bytes.len(), bytes: Arc::new(bytes) }
    }

    /// The raw little-endian bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        (self.end - self.start) / self.dtype.size()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The elements as f32, whatever floating-point or integer type they are stored in.
    pub fn to_f32(&self) -> Vec<f32> {
        let bytes = self.bytes();
        match self.dtype {
            DType::F32 => words(bytes).map(f32::from_le_bytes).collect(),
            DType::I32 => words(bytes).map(|w| i32::from_le_bytes(w) as f32).collect(),
            DType::U32 => words(bytes).map(|w| u32::from_le_bytes(w) as f32).collect(),
            DType::F16 => halves(bytes).map(f16_to_f32).collect(),
            DType::BF16 => halves(bytes).map(|h| f32::from_bits(u32::from(h) << 16)).collect(),
            DType::I64 => longs(bytes).map(|w| i64::from_le_bytes(w) as f32).collect(),
            DType::F64 => longs(bytes).map(|w| f64::from_le_bytes(w) as f32).collect(),
            DType::U8 => bytes.iter().map(|&b| f32::from(b)).collect(),
            DType::I8 => bytes.iter().map(|&b| f32::from(b as i8)).collect(),
        }
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> + '_ {
    bytes.chunks_exact(4).map(|c| [c[0], c[1], c[2], c[3]])
}

fn longs(bytes: &[u8]) -> impl Iterator<Item = [u8; 8]> + '_ {
    bytes.chunks_exact(8).map(|c| [c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]])
}

fn halves(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]]))
}

/// IEEE 754 half to single precision.
pub fn f16_to_f32(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let exponent = u32::from(half >> 10) & 0x1f;
    let fraction = u32::from(half & 0x3ff);
    match (exponent, fraction) {
        (0, 0) => f32::from_bits(sign),
        (0, f) => {
            let value = f as f32 * 2f32.powi(-24);
            if sign == 0 { value } else { -value }
        }
        (31, f) => f32::from_bits(sign | 0x7f80_0000 | (f << 13)),
        (e, f) => f32::from_bits(sign | ((e + 112) << 23) | (f << 13)),
    }
}

impl TensorFile {
    /// Parses `bytes`; `what` names the file in errors.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the header does not describe exactly the bytes that are there.
    pub fn parse(bytes: impl Into<Arc<Vec<u8>>>, what: &str) -> Result<Self> {
        let bytes: Arc<Vec<u8>> = bytes.into();
        let corrupt = |e: safetensors::SafeTensorError| Error::corrupt(what, e.to_string());
        let (header_len, header) = SafeTensors::read_metadata(&bytes).map_err(corrupt)?;
        // Length prefix (8 bytes), header, then the data that the header's offsets count from.
        let base = header_len + 8;
        let mut entries = BTreeMap::new();
        for (name, info) in header.tensors() {
            let Some(dtype) = DType::from_file(info.dtype) else {
                return Err(Error::corrupt(what, format!("tensor {name} has an unknown type {:?}", info.dtype)));
            };
            let (start, end) = (base + info.data_offsets.0, base + info.data_offsets.1);
            if end > bytes.len() || start > end {
                return Err(Error::corrupt(what, format!("tensor {name} ends at byte {end} of {}", bytes.len())));
            }
            let expected = info.shape.iter().try_fold(dtype.size(), |a, &b| a.checked_mul(b));
            if expected != Some(end - start) {
                return Err(Error::corrupt(what, format!("tensor {name} of shape {:?} has {} bytes", info.shape, end - start)));
            }
            entries.insert(name, Entry { dtype, shape: info.shape.clone(), start, end });
        }
        let mut metadata = BTreeMap::new();
        metadata.extend(header.metadata().clone().unwrap_or_default());
        if let Some(folded) = metadata.remove(METADATA_KEY) {
            let unfolded: BTreeMap<String, String> = serde_json::from_str(&folded)
                .map_err(|e| Error::corrupt(what, format!("its metadata is not readable: {e}")))?;
            metadata.extend(unfolded);
        }
        Ok(Self { what: what.to_string(), bytes, metadata, entries })
    }

    /// The file's `__metadata__`.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Names of all tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether a tensor of that name is there.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The tensor of that name.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it is missing.
    pub fn get(&self, name: &str) -> Result<Tensor> {
        let entry = self
            .entries
            .get(name)
            .ok_or_else(|| Error::corrupt(&self.what, format!("tensor {name} is missing")))?;
        Ok(Tensor {
            dtype: entry.dtype,
            shape: entry.shape.clone(),
            bytes: self.bytes.clone(),
            start: entry.start,
            end: entry.end,
        })
    }

    /// The tensor of that name, checked to be of `dtype`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it is missing or of another type.
    pub fn typed(&self, name: &str, dtype: DType) -> Result<Tensor> {
        let tensor = self.get(name)?;
        if tensor.dtype != dtype {
            return Err(Error::corrupt(&self.what, format!("tensor {name} is {:?}, expected {dtype:?}", tensor.dtype)));
        }
        Ok(tensor)
    }

    /// A tensor of F32 as numbers; every one is finite.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it is missing, of another type or holds NaN or infinity.
    pub fn f32s(&self, name: &str) -> Result<Vec<f32>> {
        let values = self.typed(name, DType::F32)?.to_f32();
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(Error::corrupt(&self.what, format!("tensor {name} holds {} at {at}", values[at])));
        }
        Ok(values)
    }

    /// A tensor of U32 as numbers.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it is missing or of another type.
    pub fn u32s(&self, name: &str) -> Result<Vec<u32>> {
        Ok(words(self.typed(name, DType::U32)?.bytes()).map(u32::from_le_bytes).collect())
    }

    /// A tensor of F64 as numbers; NaN is allowed and means absent.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it is missing or of another type.
    pub fn f64s(&self, name: &str) -> Result<Vec<f64>> {
        Ok(longs(self.typed(name, DType::F64)?.bytes()).map(f64::from_le_bytes).collect())
    }
}

/// A tensor to be written: name, type, shape, little-endian bytes.
pub struct Part<'a> {
    pub name: String,
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub bytes: std::borrow::Cow<'a, [u8]>,
}

impl<'a> Part<'a> {
    /// An I8 tensor.
    pub fn i8(name: impl Into<String>, shape: &[usize], values: &[i8]) -> Self {
        let bytes: Vec<u8> = values.iter().map(|&v| v as u8).collect();
        Self { name: name.into(), dtype: DType::I8, shape: shape.to_vec(), bytes: bytes.into() }
    }

    /// An F32 tensor.
    pub fn f32(name: impl Into<String>, shape: &[usize], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { name: name.into(), dtype: DType::F32, shape: shape.to_vec(), bytes: bytes.into() }
    }

    /// An F16 tensor of bits.
    pub fn f16(name: impl Into<String>, shape: &[usize], halves: &[u16]) -> Self {
        let bytes: Vec<u8> = halves.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { name: name.into(), dtype: DType::F16, shape: shape.to_vec(), bytes: bytes.into() }
    }

    /// A U32 tensor.
    pub fn u32(name: impl Into<String>, shape: &[usize], values: &[u32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { name: name.into(), dtype: DType::U32, shape: shape.to_vec(), bytes: bytes.into() }
    }

    /// An F64 tensor.
    pub fn f64(name: impl Into<String>, shape: &[usize], values: &[f64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { name: name.into(), dtype: DType::F64, shape: shape.to_vec(), bytes: bytes.into() }
    }

    /// A tensor as it was read.
    pub fn raw(name: impl Into<String>, tensor: &'a Tensor) -> Self {
        Self { name: name.into(), dtype: tensor.dtype, shape: tensor.shape.clone(), bytes: tensor.bytes().into() }
    }

    /// A U8 tensor of one dimension.
    pub fn u8(name: impl Into<String>, bytes: &'a [u8]) -> Self {
        Self { name: name.into(), dtype: DType::U8, shape: vec![bytes.len()], bytes: bytes.into() }
    }
}

/// The container's bytes; the same parts and metadata always give the same bytes.
///
/// # Errors
/// [`Error::Internal`] where a part's bytes do not fit its shape.
pub fn write(parts: &[Part<'_>], metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let internal = |e: safetensors::SafeTensorError| Error::Internal(format!("cannot write a tensor file: {e}"));
    let views = parts
        .iter()
        .map(|p| Ok((p.name.as_str(), TensorView::new(p.dtype.to_file(), p.shape.clone(), &p.bytes).map_err(internal)?)))
        .collect::<Result<Vec<_>>>()?;
    // The metadata map of the library hashes; one entry keeps its order free of chance.
    let folded: HashMap<String, String> = match metadata.len() {
        0 => HashMap::new(),
        _ => HashMap::from([(
            METADATA_KEY.to_string(),
            serde_json::to_string(metadata).map_err(|e| Error::Internal(format!("cannot write metadata: {e}")))?,
        )]),
    };
    serialize(views, Some(folded)).map_err(internal)
}
